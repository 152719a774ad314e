import type { FaultId } from "../faults/faults.js";
import type { VerifierAgent } from "./types.js";

/** What the state at the verifier says about admission. */
export type StateVerdict =
  | { admitted: true; ageMs: number }
  | {
      admitted: false;
      fault: FaultId;
      /** The gRPC code the server plugin answers with: a final verdict, or a state that may pass. */
      code: "failed-precondition" | "permission-denied";
      message: string;
    };

export interface StateQuestion {
  /** The verifier's own clock: its Date header. */
  verifierNowMs: number;
  /** Oldest last success that still admits. `auto`: the verifier's maximum_attestation_interval, at least 60 s. */
  maxAgeMs: number | "auto";
}

/** Whether an agent's entry at the verifier proves a machine in good state, recently enough. */
export function judgeState(agent: VerifierAgent, question: StateQuestion): StateVerdict {
  return { admitted: true, ageMs: question.verifierNowMs - (agent.lastSuccessfulAttestationMs ?? 0) };
}
