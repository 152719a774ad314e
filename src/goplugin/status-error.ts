import { status } from "@grpc/grpc-js";
import { errorText, Problem, problemLine } from "../core/problem.js";

/** gRPC status codes by name, so that callers need not import the gRPC library. */
export { status as StatusCode };

/** HTTP/2 peers limit the size of trailers; a longer message would cost the caller the whole status. */
const maxMessageCharacters = 4096;

/**
 * What crosses a gRPC connection as an error: a code and one line. It stands beside Problem because the code is the
 * protocol's, not this program's.
 */
export class StatusError extends Error {
  readonly code: status;

  constructor(code: status, message: string, options?: { cause?: unknown }) {
    super(oneLine(message), options);
    this.name = "StatusError";
    this.code = code;
  }
}

/** Makes the error that a handler throws to answer with exactly this code and message. */
export function statusError(code: status, message: string, cause?: unknown): StatusError {
  return new StatusError(code, message, cause === undefined ? undefined : { cause });
}

const codeOfCulprit = {
  ours: status.INTERNAL,
  configuration: status.FAILED_PRECONDITION,
  peer: status.FAILED_PRECONDITION,
  network: status.UNAVAILABLE,
  usage: status.INVALID_ARGUMENT,
} as const;

/**
 * The status for anything thrown: a StatusError as it is, a Problem by its culprit, an abort as CANCELLED, a time-out as
 * DEADLINE_EXCEEDED, everything else INTERNAL with its text on one line.
 */
export function toStatusError(thrown: unknown): StatusError {
  if (thrown instanceof StatusError) return thrown;
  if (thrown instanceof Problem) return statusError(codeOfCulprit[thrown.culprit], problemLine(thrown), thrown);
  if (thrown instanceof Error && thrown.name === "AbortError") {
    return statusError(status.CANCELLED, errorText(thrown), thrown);
  }
  if (thrown instanceof Error && thrown.name === "TimeoutError") {
    return statusError(status.DEADLINE_EXCEEDED, errorText(thrown), thrown);
  }
  return statusError(status.INTERNAL, thrownText(thrown), thrown);
}

/** The status a remote peer answered, from the error object of the gRPC library. */
export function fromServiceError(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  const { code, details } = (error ?? {}) as { code?: unknown; details?: unknown };
  if (typeof code !== "number" || !(code in status)) return toStatusError(error);
  return statusError(code, typeof details === "string" ? details : errorText(error), error);
}

// Even String() throws for objects without a prototype.
function thrownText(thrown: unknown): string {
  try {
    return errorText(thrown);
  } catch {
    return "unprintable error";
  }
}

// Lone surrogates make the gRPC library throw while it writes the trailers.
function oneLine(text: string): string {
  const wellFormed = text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
  const line = wellFormed.replace(/\s*[\r\n]+\s*/g, " ").replace(/[\u0000-\u001f\u007f]/g, " ");
  if (line.length <= maxMessageCharacters) return line;
  return `${line.slice(0, maxMessageCharacters).replace(/[\ud800-\udbff]$/, "")}…`;
}
