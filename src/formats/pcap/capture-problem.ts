import { Problem } from "../../core/problem.js";

export const captureCode = "capture-malformed";

/** A capture file that cannot be read, or no further; `packet` counts from 1 and is the one being read. */
export function captureProblem(what: string, packet: number, hint?: string): Problem {
  const where = packet > 0 ? ` at packet ${packet}` : "";
  return new Problem(captureCode, `cannot read the capture${where}: ${what}`, {
    culprit: "usage",
    ...(hint === undefined ? {} : { hint }),
  });
}
