/** Who has to act on a problem; gRPC codes and exit codes follow from it. */
export type Culprit = "ours" | "configuration" | "peer" | "network" | "usage";

export interface ProblemOptions {
  culprit: Culprit;
  /** One action that mends it; a guess is worded as a question. */
  hint?: string;
  cause?: unknown;
  /** Where it was read: a file, with line and column (both from 1) when known. */
  at?: SourcePosition;
}

/** A place in a file an operator can open. Lines and columns count from 1; columns count UTF-16 units. */
export interface SourcePosition {
  file?: string;
  line: number;
  column: number;
}

/**
 * The one error class of this program. Callers match `code`, never the text. The message is lower case without a final
 * period: what was attempted, on which thing, why. Fault ids of `faults/` are codes too.
 */
export class Problem extends Error {
  readonly code: string;
  readonly culprit: Culprit;
  readonly hint: string | undefined;
  readonly at: SourcePosition | undefined;

  constructor(code: string, message: string, options: ProblemOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Problem";
    this.code = code;
    this.culprit = options.culprit;
    this.hint = options.hint;
    this.at = options.at;
  }
}

/** Several problems found in one go, so that an operator mends them in one go. */
export class Problems extends Error {
  readonly problems: readonly Problem[];

  constructor(what: string, problems: readonly Problem[]) {
    super(`${what}: ${problems.map(problemLine).join("; ")}`);
    this.name = "Problems";
    this.problems = problems;
  }
}

/** One line: fault id or code in brackets, message, hint. For logs and gRPC statuses. */
export function problemLine(problem: Problem): string {
  const place = problem.at === undefined ? "" : ` (${positionText(problem.at)})`;
  const hint = problem.hint === undefined ? "" : `; ${problem.hint}`;
  return `[${problem.code}] ${problem.message}${place}${hint}`;
}

export function positionText(at: SourcePosition): string {
  return at.file === undefined ? `line ${at.line}, column ${at.column}` : `${at.file}:${at.line}:${at.column}`;
}

/** The text of anything that was thrown, without a stack, on one line. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replaceAll(/\s*[\r\n]+\s*/g, " ");
}
