import { errorText, Problem } from "../../core/problem.js";
import type { FaultId } from "../../faults/faults.js";
import { KeylimeError } from "../../keylime/keylime-error.js";
import { PeerError } from "../../net/peer-errors.js";
import { StatusCode, StatusError, statusError } from "../../plugin-sdk/index.js";
import type { FileSetting } from "../../spire/settings.js";
import { explainRefusal } from "./explain-refusal.js";

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
  constructor(answer: AnswerCode, code: FaultId | RefusalCode, message: string, cause?: unknown) {
    super(code, message, { culprit: "peer", cause });
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

const nodesOwnFault: readonly string[] = ["malformed-message", "agent-id-not-spiffe-safe"];
const waitsForTheNode: readonly string[] = [
  "agent-not-enrolled",
  "agent-not-registered",
  "agent-not-active",
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
  return "internal";
}

/** The status for SPIRE: code by culprit, one line with the diagnosis. SPIRE itself prefixes `nodeattestor(keylime): `. */
export function answerTo(error: unknown, certFiles: readonly FileSetting[]): StatusError {
  if (error instanceof StatusError) return error;
  return statusError(statusCodes[answerCodeOf(error)], answerText(error, certFiles), error);
}

function answerText(error: unknown, certFiles: readonly FileSetting[]): string {
  // An explained alert names its likeliest fault itself.
  if (error instanceof PeerError && error.facts.alert !== undefined) return explainRefusal(error, certFiles);
  if (!(error instanceof Problem)) return errorText(error);
  const hint = error.hint === undefined ? "" : `; ${error.hint}`;
  return `${errorText(error)}${hint} [${error.code}]`;
}
