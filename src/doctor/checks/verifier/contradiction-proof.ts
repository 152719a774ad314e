import type { FaultId } from "../../../faults/faults.js";
import type { Facts } from "../../facts/facts.js";
import type { KeylimeServiceFacts } from "../../facts/keylime/keylime-facts.js";
import type { ProcessFacts } from "../../facts/processes/process-facts.js";
import type { Evidence } from "../check.js";
import { targetOf } from "../live/judge-endpoints.js";
import type { LiveAnswer } from "./verifier-conf.js";

/** What a contradiction between the verifier's files and its behaviour proves, and what decides that. */
export interface Proof {
  is: Extract<FaultId, "verifier-config-drift" | "verifier-overridden"> | "unknown";
  because: readonly Evidence[];
}

export interface WrittenFile {
  path: string;
  changedMs: number;
}

/** The start of a process is told by the boot time, which the system knows to the second. */
const grainMs = 1000;

/**
 * Keylime reads its files once, at its start. A file that is younger than the oldest process of the verifier was not read
 * by it as it is now; with files that are all older, something else must have the last word.
 */
export function proofOf(facts: Facts, live: LiveAnswer, files: readonly WrittenFile[]): Proof {
  const elsewhere = whyElsewhere(facts, live);
  if (elsewhere !== undefined) return { is: "unknown", because: [{ text: elsewhere }] };
  const oldest = verifiersBehind(facts, live)[0]!;
  const since = {
    text: `the verifier (${oldest.isWorker ? "worker, " : ""}process ${oldest.pid}) has run since ${timeText(oldest.startedMs)}`,
  };
  const other = facts.keylime.verifier.known ? otherFileOf(oldest, facts.keylime.verifier.value) : undefined;
  if (other !== undefined) return { is: "verifier-overridden", because: [since, other] };
  const later = files.filter(({ changedMs }) => changedMs > oldest.startedMs + grainMs);
  if (later.length > 0) return { is: "verifier-config-drift", because: [since, ...youngestFirst(later)] };
  const { environment } = oldest;
  if (!environment.known) {
    const text = `its environment, where KEYLIME_VERIFIER_… variables win over the files, could not be read: ${environment.reason}`;
    return { is: "verifier-overridden", because: [since, ...youngestFirst(files), { text }] };
  }
  const text =
    "neither its environment nor a snippet explains it; a file that came with its old date (mv, cp -p, a package) or a snippet that is gone by now would";
  return { is: "unknown", because: [since, ...youngestFirst(files), { text }] };
}

/** That a process was started with another file than those that were examined; undefined when it reads these. */
export function otherFileOf({ pid, environment }: ProcessFacts, { config }: KeylimeServiceFacts): Evidence | undefined {
  if (!environment.known) return undefined;
  const variable = "KEYLIME_VERIFIER_CONFIG";
  const [first] = config.files;
  const named = environment.value[variable];
  if (named !== undefined && named !== "") {
    if (config.files.some(({ path }) => path === named)) return undefined;
    if (config.ignored.some(({ path }) => path === named)) return undefined;
    return { text: `process ${pid} was started with ${variable}=${named}, which it reads in place of ${first?.path}` };
  }
  if (first?.role !== "named by environment") return undefined;
  return { text: `process ${pid} was started without ${variable}, so it reads /etc/keylime and not ${first.path}` };
}

/** The verifier's processes that may be what answers, the oldest first. */
function verifiersBehind({ processes }: Facts, { endpoint: { port } }: Pick<LiveAnswer, "endpoint">): ProcessFacts[] {
  const found = processes.known ? processes.value.filter(({ service }) => service === "keylime_verifier") : [];
  const listening = found.filter(({ listens }) => !listens.known || listens.value.some((each) => each.port === port));
  return listening.sort((a, b) => a.startedMs - b.startedMs);
}

/** Why what was seen need not be the doing of a process that reads these files. */
function whyElsewhere(facts: Facts, { endpoint, taken, refused, anonymous }: LiveAnswer): string | undefined {
  const { server } = taken ?? refused ?? anonymous ?? {};
  if (server !== undefined && !/tornado|keylime/i.test(server))
    return `what answers at ${targetOf(endpoint)} calls itself ${server}`;
  if (!facts.processes.known) return `when the verifier started is not known: ${facts.processes.reason}`;
  if (verifiersBehind(facts, { endpoint }).length > 0) return undefined;
  return `no verifier is seen to listen on ${endpoint.port} on the machine that the files are of, so ${targetOf(endpoint)} may belong to another one`;
}

function youngestFirst(files: readonly WrittenFile[]): Evidence[] {
  return [...files].sort((a, b) => b.changedMs - a.changedMs).map(changeEvidence);
}

function changeEvidence({ path, changedMs }: WrittenFile): Evidence {
  return { text: `${path} was last changed ${timeText(changedMs)}`, file: path };
}

function timeText(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
}
