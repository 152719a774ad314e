import { Problem } from "../core/problem.js";

/** The code of every error that bytes from a peer cause in this room. */
export const malformedCode = "tls-malformed";

/** The one error of this room's readers: what was being read, and what about the bytes makes that impossible. */
export function malformed(what: string, why: string, cause?: unknown): Problem {
  return new Problem(malformedCode, `cannot read ${what}: ${why}`, { culprit: "peer", cause });
}

export function isMalformed(error: unknown): error is Problem {
  return error instanceof Problem && error.code === malformedCode;
}
