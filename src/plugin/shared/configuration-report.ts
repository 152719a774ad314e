import type { Logger } from "../../core/logger.js";
import { type Problem, problemLine } from "../../core/problem.js";
import type { IdentityWarning } from "../../net/identity.js";
import { StatusCode, type StatusError, statusError } from "../../plugin-sdk/index.js";

/** The answer to a Configure that cannot be accepted: every problem with its fault id and its fix, on one line. */
export function invalidConfiguration(problems: readonly Problem[]): StatusError {
  const count = problems.length === 1 ? "" : ` (${problems.length} problems)`;
  return statusError(
    StatusCode.INVALID_ARGUMENT,
    `invalid configuration${count}: ${problems.map(problemLine).join("; ")}`,
  );
}

/** What deserves a log line and keeps nobody from starting. */
export function logWarnings(warnings: readonly IdentityWarning[], logger: Logger): void {
  for (const { level, problem } of warnings) {
    logger.log(level, problem.message, { code: problem.code, hint: problem.hint });
  }
}
