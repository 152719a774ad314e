import { type FaultId, faults, stages } from "../faults/faults.js";
import { type Finding, stageOf } from "./checks/check.js";

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

const faultOrder = Object.keys(faults) as FaultId[];

/**
 * Orders findings: what is doubtful, and what another one explains, stands behind everything that stands for itself; then by the stage of an
 * attestation that is blocked, then by severity, then as the fault table lists them. Pure and total.
 */
export function rank(found: readonly FoundFault[]): RankedFault[] {
  const byStage = [...found].sort((a, b) => compare(keyOf(a), keyOf(b)));
  const ranked = byStage.map((each): RankedFault => {
    const cause = byStage.find((other) => isExplainedBy(each, other));
    return cause === undefined ? each : { ...each, explainedBy: cause.id };
  });
  return ranked.sort((a, b) => compare(keyOf(a), keyOf(b)));
}

function isExplainedBy(effect: FoundFault, cause: FoundFault): boolean {
  if (!cause.finding.stopsAttestation || !(explains[cause.id]?.includes(effect.id) ?? false)) return false;
  const [legOfCause, legOfEffect] = [cause.finding.leg, effect.finding.leg];
  return legOfCause === undefined || legOfEffect === undefined || legOfCause === legOfEffect;
}

const severities = ["error", "warning", "info"] as const;

function keyOf({ id, finding, explainedBy }: RankedFault): number[] {
  return [
    finding.stopsAttestation ? 0 : 1,
    finding.isDoubtful === true ? 1 : 0,
    explainedBy === undefined ? 0 : 1,
    stages.indexOf(stageOf(id, finding)),
    severities.indexOf(finding.severity),
    faultOrder.indexOf(id),
  ];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at === -1 ? 0 : a[at]! - b[at]!;
}
