import { Problem, type SourcePosition } from "../core/problem.js";
import type { Span } from "../formats/line-index.js";

/** More would tell an operator nothing new. */
const maxFindings = 100;

/** Collects everything that is wrong with a configuration, so that it can be mended in one go. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];

  /** `file` is what the lines count in; without it the lines are nobody's, and the key that each message names must do. */
  constructor(private readonly file?: string) {}

  /** Whether more problems would be dropped; finding words for them is then in vain. */
  get full(): boolean {
    return this.problems.length >= maxFindings;
  }

  position(span: Span | undefined): SourcePosition | undefined {
    if (this.file === undefined || span === undefined) return undefined;
    return { file: this.file, line: span.line, column: span.column };
  }

  problem(code: string, message: string, span?: Span, hint?: string): void {
    this.add(this.problems, code, message, span, hint);
  }

  warning(code: string, message: string, span?: Span, hint?: string): void {
    this.add(this.warnings, code, message, span, hint);
  }

  private add(list: Problem[], code: string, message: string, span?: Span, hint?: string): void {
    if (list.length >= maxFindings) return;
    const at = this.position(span);
    list.push(
      new Problem(code, message, {
        culprit: "configuration",
        ...(at === undefined ? {} : { at }),
        ...(hint === undefined ? {} : { hint }),
      }),
    );
  }
}
