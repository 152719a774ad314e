import { Problem } from "../../core/problem.js";
import { alertName, alertNumbers } from "../../tls/alert.js";
import { isMalformed } from "../../tls/malformed.js";

/** A reason to end the connection with a fatal alert. */
export class Refusal extends Problem {
  constructor(
    /** Number of the alert to send. */
    readonly alert: number,
    why: string,
  ) {
    super("tls-refused", `refused the client with ${alertName(alert)} (${alert}): ${why}`, { culprit: "peer" });
  }
}

/** The refusal that an error thrown while reading from the client amounts to; anything unforeseen is ours (alert 80). */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (isMalformed(error)) return new Refusal(alertNumbers.decodeError, error.message);
  return new Refusal(alertNumbers.internalError, String(error));
}
