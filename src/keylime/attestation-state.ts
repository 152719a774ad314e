import { durationText } from "../core/duration.js";
import type { FaultId } from "../faults/faults.js";
import type { VerifierAgent } from "./types.js";

/** What the state at the verifier says about admission. */
export type StateVerdict = { admitted: true; ageMs: number } | StateRefusal;

export interface StateRefusal {
  admitted: false;
  fault: FaultId;
  /** The gRPC code the server plugin answers with: a final verdict, or a state that may pass. */
  code: "failed-precondition" | "permission-denied";
  message: string;
}

export interface StateQuestion {
  /** The verifier's own clock: its Date header. */
  verifierNowMs: number;
  /** Oldest last success that still admits. `auto`: the verifier's maximum_attestation_interval, at least 60 s. */
  maxAgeMs: number | "auto";
}

/** Names of `operational_state` as Keylime's own tools print them (keylime/common/states.py, 7.14). */
const stateNames = [
  "Registered",
  "Start",
  "Saved",
  "Get Quote",
  "Get Quote (retry)",
  "Provide V",
  "Provide V (retry)",
  "Failed",
  "Terminated",
  "Invalid Quote",
  "Tenant Quote Failed",
] as const;

const invalidQuote = 9;
const stoppedStates = [7, 8, 10];
const goodStates = [3, 4, 5, 6];
const leastAutoAgeMs = 60_000;
/** Verifiers that share a database stamp with different clocks; more than this ahead proves nothing. */
const clockSlackMs = 60_000;

/**
 * Whether an agent's entry at the verifier proves a machine in good state, recently enough. A good state or a PASS alone
 * proves nothing: Keylime 7.14 shows 3 and PASS for an agent that was never reached, and for one that was reactivated
 * after a refused quote and has gone silent. So a completed round must stand behind it, none newer refused.
 */
export function judgeState(agent: VerifierAgent, question: StateQuestion): StateVerdict {
  return judgePushMode(agent) ?? judgeNamedState(agent) ?? judgeStatus(agent) ?? judgeRounds(agent, question);
}

/** `7 (Failed)`; the bare number for a state this program does not know. */
export function stateText(state: number): string {
  const name = stateNames[state];
  return name === undefined ? String(state) : `${state} (${name})`;
}

/** The age limit in force for an agent. */
export function attestationAgeLimitMs(agent: VerifierAgent, maxAgeMs: number | "auto"): number {
  return maxAgeMs === "auto" ? Math.max(leastAutoAgeMs, agent.maximumAttestationIntervalMs ?? 0) : maxAgeMs;
}

function judgePushMode(agent: VerifierAgent): StateRefusal | undefined {
  if (agent.mode !== "push") return undefined;
  return refusal(
    "agent-push-mode",
    `agent ${agent.agentId} is attested in push mode (the verifier has no address for it), which gives no identity quote`,
  );
}

function judgeNamedState(agent: VerifierAgent): StateRefusal | undefined {
  const state = agent.operationalState;
  if (goodStates.includes(state)) return undefined;
  const is = `agent ${agent.agentId} is in state ${stateText(state)} at the verifier`;
  if (state === invalidQuote) {
    const message = `${is}: its quote was refused${failureText(agent)}`;
    return { admitted: false, fault: "agent-failed", code: "permission-denied", message };
  }
  if (stoppedStates.includes(state))
    return refusal("agent-failed", `${is}: its attestation has stopped${failureText(agent)}`);
  return refusal("agent-state-unproven", `${is}: no quote has been verified yet`);
}

function failureText(agent: VerifierAgent): string {
  return agent.lastEventId === undefined ? "" : ` (last event ${agent.lastEventId})`;
}

function judgeStatus(agent: VerifierAgent): StateRefusal | undefined {
  const status = agent.attestationStatus;
  if (status === undefined || status === "PASS") return undefined;
  const fault = status === "FAIL" || status === "TIMEOUT" ? "agent-failed" : "agent-state-unproven";
  const state = stateText(agent.operationalState);
  return refusal(fault, `agent ${agent.agentId} has attestation status ${status} in state ${state} at the verifier`);
}

function judgeRounds(agent: VerifierAgent, { verifierNowMs, maxAgeMs }: StateQuestion): StateVerdict {
  const { attestationCount: count, lastSuccessfulAttestationMs: success, lastReceivedQuoteMs: received } = agent;
  const shows = `agent ${agent.agentId} shows state ${stateText(agent.operationalState)}`;
  if (!(count !== undefined && count >= 1))
    return unproven(`${shows}, but the verifier counts no successful attestation`);
  if (!(success !== undefined && success > 0))
    return unproven(`${shows}, but the verifier has no time of a successful attestation`);
  if (received === undefined) return unproven(`${shows}, but the verifier does not say when it received a quote`);
  if (!(received <= success))
    return unproven(`${shows}, but a quote newer than its last successful attestation was refused`);
  const ageMs = verifierNowMs - success;
  const limitMs = attestationAgeLimitMs(agent, maxAgeMs);
  if (ageMs < -clockSlackMs)
    return unproven(
      `${shows}, but its last successful attestation lies ${durationText(-ageMs)} ahead of the verifier's clock`,
    );
  // Not `ageMs > limitMs`: a clock that is not a number admits nobody.
  if (!(ageMs <= limitMs))
    return unproven(
      `${shows}, but its last successful attestation is ${durationText(ageMs)} old, more than the ${durationText(limitMs)} allowed`,
    );
  return { admitted: true, ageMs: Math.max(0, ageMs) };
}

function unproven(message: string): StateRefusal {
  return refusal("agent-state-unproven", message);
}

function refusal(fault: FaultId, message: string): StateRefusal {
  return { admitted: false, fault, code: "failed-precondition", message };
}
