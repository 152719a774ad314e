import { judgeState, type StateRefusal } from "../../../keylime/attestation-state.js";
import type { VerifierAgent } from "../../../keylime/types.js";
import type { Facts } from "../../facts/facts.js";
import type { Evidence, JudgeContext, Outcome } from "../check.js";
import { answerEvidence, idEvidence, withoutEntry } from "./node-answers.js";

export type EntryFault = "agent-failed" | "agent-state-unproven" | "agent-push-mode";

/** The verdict of the server plugin's own gate on the verifier's entry, as far as it concerns one fault. */
export function judgeEntry(
  facts: Facts,
  { nowMs }: JudgeContext,
  fault: EntryFault,
  fixOf: (agentId: string) => { action: string; commands?: readonly string[] },
): Outcome {
  const { verifier } = facts.node;
  if (!verifier.known || verifier.value.is !== "enrolled") return withoutEntry(facts)!;
  const { agent, verifierNowMs = nowMs } = verifier.value;
  const verdict = judgeState(agent, { verifierNowMs, maxAgeMs: "auto" });
  if (verdict.admitted)
    return { is: "clear", because: `agent ${agent.agentId} has a completed round behind its state` };
  if (verdict.fault !== fault) return { is: "clear", because: `another fault applies: ${verdict.fault}` };
  return {
    is: "found",
    findings: [
      {
        severity: "error",
        stopsAttestation: true,
        summary: verdict.message,
        evidence: [idEvidence(facts), ...entryEvidence(agent, verdict, verifier, verifierNowMs)],
        fix: fixOf(agent.agentId),
      },
    ],
  };
}

function entryEvidence(
  agent: VerifierAgent,
  { fault }: StateRefusal,
  verifier: Facts["node"]["verifier"],
  nowMs: number,
): Evidence[] {
  if (fault === "agent-push-mode") return [answerEvidence(verifier, "the entry has neither address nor port")];
  const { operationalState, attestationStatus, attestationCount, severityLevel, lastEventId } = agent;
  const state = `operational_state ${operationalState}, attestation_status ${attestationStatus ?? "not given"}`;
  const times = `last_received_quote ${timeText(agent.lastReceivedQuoteMs, nowMs)}, last_successful_attestation ${timeText(agent.lastSuccessfulAttestationMs, nowMs)}`;
  const failure =
    lastEventId === undefined
      ? []
      : [
          answerEvidence(
            verifier,
            `severity_level ${severityLevel ?? "none"}, last_event_id ${lastEventId} (of the worst failure so far)`,
          ),
        ];
  return [
    answerEvidence(verifier, `${state}, attestation_count ${attestationCount ?? "not given"}`),
    answerEvidence(verifier, times),
    ...failure,
  ];
}

function timeText(ms: number | undefined, nowMs: number): string {
  if (ms === undefined) return "not given";
  return ms === 0
    ? "never"
    : `${new Date(ms).toISOString()}, ${Math.round((nowMs - ms) / 1000)} s before the verifier's clock`;
}
