import { type FaultId, faults, stages } from "../faults/faults.js";
import { type Finding, legsConcerned, stageOf } from "./checks/check.js";

export interface FoundFault {
  id: FaultId;
  finding: Finding;
}

export interface RankedFault extends FoundFault {
  /** Another finding of which this one is a consequence: mended with it, so it stands behind. */
  explainedBy?: FaultId;
}

/** Which fault brings which others about. */
const explains: Partial<Record<FaultId, readonly FaultId[]>> = {
  "plugin-unknown-key": ["plugin-default-cert", "plugin-missing-file", "ca-wrong", "cert-no-client-auth"],
  "plugin-default-cert": ["ca-wrong"],
  "spire-conf-syntax": ["spire-plugin-duplicate", "spire-trust-domain"],
  "spire-plugin-missing": ["spire-plugin-checksum"],
  "verifier-wrong-section": ["verifier-trust-empty", "verifier-unreachable"],
  "verifier-trust-list-syntax": ["verifier-trust-empty"],
  "verifier-trust-empty": ["ca-wrong"],
  "verifier-overridden": ["verifier-trust-empty"],
  "verifier-unreachable": ["agent-state-unproven"],
  "proxy-sni": ["client-cert-not-sent", "agent-state-unproven"],
  "agent-push-mode": ["agent-unreachable", "agent-state-unproven"],
  "registrar-unreachable": ["agent-not-registered"],
  "registrar-port-mixup": ["agent-not-registered"],
  "agent-not-registered": ["agent-not-enrolled"],
  "agent-not-active": ["agent-not-enrolled"],
  "agent-not-enrolled": ["agent-state-unproven"],
  "agent-contact-address": ["agent-failed", "agent-state-unproven"],
  "verifier-wrong-db-cert": ["agent-failed", "agent-state-unproven"],
  "agent-default-uuid": ["agent-failed"],
};

/** Without a way to a trusted root a TLS library looks no further at a certificate. */
const wantsTrust: readonly FaultId[] = [
  "verifier-trust-empty",
  "ca-bundle-incomplete",
  "cert-chain-incomplete",
  "ca-wrong",
];
const onceTrusted: readonly FaultId[] = ["cert-no-client-auth", "cert-expired", "cert-not-yet-valid", "cert-weak"];

const faultOrder = Object.keys(faults) as FaultId[];

/**
 * Orders findings: what is doubtful, and what another one explains, stands behind everything that stands for itself; then by the stage of an
 * attestation that is blocked, then by severity; what shows only once a certificate is trusted stands behind what keeps it from being so; then
 * as the fault table lists them. Pure and total.
 */
export function rank(found: readonly FoundFault[]): RankedFault[] {
  const byStage = [...found].sort((a, b) => compare(keyOf(a), keyOf(b)));
  const ranked = byStage.map((each): RankedFault => {
    const cause = byStage.find((other) => isExplainedBy(each, other));
    return cause === undefined ? each : { ...each, explainedBy: cause.id };
  });
  const keys = new Map(ranked.map((each) => [each, keyOf(each, ranked)]));
  return ranked.sort((a, b) => compare(keys.get(a)!, keys.get(b)!));
}

function isExplainedBy(effect: FoundFault, cause: FoundFault): boolean {
  if (!cause.finding.stopsAttestation || !(explains[cause.id]?.includes(effect.id) ?? false)) return false;
  return concernsAll(effect, cause);
}

function mayShareLeg({ finding: one }: FoundFault, { finding: other }: FoundFault): boolean {
  const [legs, others] = [legsConcerned(one), legsConcerned(other)];
  return legs.length === 0 || others.length === 0 || legs.some((leg) => others.includes(leg));
}

/** A finding on several legs is a consequence only of what concerns them all. */
function concernsAll({ finding: effect }: FoundFault, { finding: cause }: FoundFault): boolean {
  const [legs, others] = [legsConcerned(effect), legsConcerned(cause)];
  return others.length === 0 || legs.every((leg) => others.includes(leg));
}

function showsLater(each: FoundFault, all: readonly RankedFault[]): boolean {
  if (!onceTrusted.includes(each.id)) return false;
  return all.some(
    (other) =>
      wantsTrust.includes(other.id) &&
      other.finding.stopsAttestation &&
      other.explainedBy === undefined &&
      mayShareLeg(each, other),
  );
}

const severities = ["error", "warning", "info"] as const;

function keyOf(each: RankedFault, all: readonly RankedFault[] = []): number[] {
  const { id, finding, explainedBy } = each;
  return [
    finding.stopsAttestation ? 0 : 1,
    finding.isDoubtful === true ? 1 : 0,
    explainedBy === undefined ? 0 : 1,
    stages.indexOf(stageOf(id, finding)),
    severities.indexOf(finding.severity),
    showsLater(each, all) ? 1 : 0,
    faultOrder.indexOf(id),
  ];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at === -1 ? 0 : a[at]! - b[at]!;
}
