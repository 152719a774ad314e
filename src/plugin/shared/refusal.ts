import { errorText, Problem } from "../../core/problem.js";
import { type FaultId, faults } from "../../faults/faults.js";
import { KeylimeError } from "../../keylime/keylime-error.js";
import { PeerError } from "../../net/peer-errors.js";
import { StatusCode, StatusError, statusError } from "../../plugin-sdk/index.js";

/** The gRPC codes a half answers with. SPIRE ends a starting agent at once on permission-denied: for verdicts only. */
export type AnswerCode =
  | "invalid-argument"
  | "failed-precondition"
  | "permission-denied"
  | "unavailable"
  | "deadline-exceeded"
  | "cancelled"
  | "internal";

const statusCodes = {
  "invalid-argument": StatusCode.INVALID_ARGUMENT,
  "failed-precondition": StatusCode.FAILED_PRECONDITION,
  "permission-denied": StatusCode.PERMISSION_DENIED,
  unavailable: StatusCode.UNAVAILABLE,
  "deadline-exceeded": StatusCode.DEADLINE_EXCEEDED,
  cancelled: StatusCode.CANCELLED,
  internal: StatusCode.INTERNAL,
} as const satisfies Record<AnswerCode, StatusCode>;

/** Why a node is not admitted. */
export class Refusal extends Problem {
  readonly answer: AnswerCode;
  /** `hint`: one action, where the fault's own advice does not do. */
  constructor(answer: AnswerCode, code: FaultId | RefusalCode, message: string, hint?: string) {
    super(code, message, { culprit: "peer", ...(hint === undefined ? {} : { hint }) });
    this.name = "Refusal";
    this.answer = answer;
  }
}

/** Refusals that are no faults of a set-up: the node or its message is at fault. */
export type RefusalCode =
  | "hash-alg-not-allowed"
  | "quote-refused"
  | "policy-required"
  | "attestation-timeout"
  | "not-configured";

const nodesOwnFault: readonly string[] = ["malformed-message", "agent-id-not-spiffe-safe", "bad-agent-id"];
const waitsForTheNode: readonly string[] = [
  "agent-not-enrolled",
  "agent-not-registered",
  "agent-not-active",
  "agent-api-version",
  "agent-push-mode",
  "verifier-api-version",
  "verifier-is-registrar",
];

/** Whose fault it is decides the code. */
function answerCodeOf(error: unknown): AnswerCode {
  if (error instanceof Refusal) return error.answer;
  if (error instanceof PeerError) {
    if (error.kind === "timeout") return "deadline-exceeded";
    return error.kind === "aborted" ? "cancelled" : "unavailable";
  }
  if (error instanceof KeylimeError)
    return waitsForTheNode.includes(error.code) ? "failed-precondition" : "unavailable";
  if (error instanceof Problem && nodesOwnFault.includes(error.code)) return "invalid-argument";
  // What Node's timers throw when the call they wait for is given up.
  return error instanceof Error && error.name === "AbortError" ? "cancelled" : "internal";
}

/** The status for SPIRE: code by culprit, one line with the diagnosis. SPIRE itself prefixes `nodeattestor(keylime): `. */
export function answerTo(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  return statusError(statusCodes[answerCodeOf(error)], answerText(error), error);
}

/** What went wrong, the fault, and what to do. What an alert stands for is not certain from this side: likeliest. */
function answerText(error: unknown): string {
  if (!(error instanceof Problem)) return errorText(error);
  const { code, hint } = error;
  const advice = hint ?? (code in faults ? faults[code as FaultId].advice : undefined);
  const isAlert = error instanceof PeerError && error.facts.alert !== undefined;
  const fault =
    isAlert && code in faults ? `; likeliest fault ${code}: ${faults[code as FaultId].title}` : ` [${code}]`;
  return `${errorText(error)}${fault}${advice === undefined ? "" : `; ${advice}`}`;
}
