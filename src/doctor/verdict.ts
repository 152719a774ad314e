import { faults } from "../faults/faults.js";
import type { Severity } from "./checks/check.js";
import { configuredConnection, resultOf, roleNames, targetOf } from "./checks/live/judge-endpoints.js";
import type { EndpointFacts } from "./facts/endpoints/endpoint-facts.js";
import type { Facts } from "./facts/facts.js";
import type { DoctorReport, ReportedFinding } from "./report-schema.js";
import type { CheckResult } from "./run.js";

/** What an examination comes to, all in all. */
export interface Examination {
  facts: Facts;
  causes: readonly ReportedFinding[];
  findings: readonly ReportedFinding[];
  results: readonly CheckResult[];
}

/** The one sentence that counts, and what to do next. */
export function verdictOf({ facts, causes, findings, results }: Examination): DoctorReport["verdict"] {
  const [cause] = causes;
  if (cause !== undefined)
    return { outcome: "cause-found", cause: cause.id, text: cause.summary, next_step: cause.fix.action };
  // Checks that were left out may know why.
  const refusing = results.length < Object.keys(faults).length ? undefined : refusingEndpoint(facts);
  if (refusing !== undefined) return { outcome: "refused", cause: null, ...refusalWords(refusing) };
  if (!results.some(isJudged)) {
    return { outcome: "not-examined", cause: null, text: "nothing could be examined", next_step: whereToLook(facts) };
  }
  const text = "nothing was found that stops attestation";
  return { outcome: "nothing-found", cause: null, text, next_step: findings[0]?.fix.action ?? null };
}

function whereToLook({ spireServer, spireAgent }: Facts): string {
  const denied = [spireServer, spireAgent].find((each) => !each.known && each.reason === "permission denied");
  if (denied !== undefined) return `run it as a user that may read ${denied.source}`;
  return "name the configuration with --server-config and --agent-config, or a copied machine with --root";
}

const isJudged = ({ outcome }: CheckResult): boolean => outcome.is === "found" || outcome.is === "clear";

/** An endpoint that refused what its own client presents. */
function refusingEndpoint({ endpoints }: Facts): EndpointFacts | undefined {
  if (!endpoints.known) return undefined;
  return endpoints.value.find((each) => configuredConnection(each)?.probed.outcome === "refused");
}

function refusalWords(endpoint: EndpointFacts): { text: string; next_step: string } {
  const connection = configuredConnection(endpoint)!;
  const target = targetOf(endpoint);
  return {
    text: `the ${roleNames[endpoint.role]} at ${target} refuses ${connection.presented!.name} (${resultOf(connection)}), and no check knows why`,
    next_step: `look into its log, and at the handshake: spire-keylime probe ${target} --help`,
  };
}

const severities: readonly Severity[] = ["info", "warning", "error"];

/** 1 with a finding that counts or a refusal that nobody explains, 3 when no check could judge anything, 0 otherwise. */
export function exitCodeOf(
  { findings, results }: Examination,
  { outcome }: DoctorReport["verdict"],
  failOn: Severity,
): number {
  const counts = ({ severity }: ReportedFinding) => severities.indexOf(severity) >= severities.indexOf(failOn);
  if (outcome === "refused" || findings.some(counts)) return 1;
  return results.some(isJudged) ? 0 : 3;
}
