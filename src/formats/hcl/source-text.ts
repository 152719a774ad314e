import { Problem, type SourcePosition } from "../../core/problem.js";
import type { Span } from "./document.js";

/** Far above any SPIRE configuration, far below what would cost noticeable time. */
const maxLength = 4 * 1024 * 1024;

/** The text being parsed, with the means to say where in it something stands. */
export class SourceText {
  readonly text: string;
  private readonly file: string | undefined;
  private readonly lineStarts: number[] = [0];

  constructor(text: string, file?: string) {
    this.text = text;
    this.file = file;
    if (text.length > maxLength) throw this.problem(0, `the text is longer than ${maxLength} characters`);
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.lineStarts.push(at + 1);
    // HCL1's scanner refuses NUL and U+E123 wherever they stand; half a surrogate pair is no Unicode text at all.
    const illegal = /[\0\u{E123}\p{Cs}]/u.exec(text);
    if (illegal !== null) throw this.problem(illegal.index, `illegal character ${characterName(illegal[0])}`);
  }

  position(offset: number): SourcePosition {
    let low = 0;
    for (let high = this.lineStarts.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if (this.lineStarts[middle]! <= offset) low = middle;
      else high = middle;
    }
    const place = { line: low + 1, column: offset - this.lineStarts[low]! + 1 };
    return this.file === undefined ? place : { file: this.file, ...place };
  }

  span(start: number, end: number): Span {
    const { line, column } = this.position(start);
    return { start, end, line, column };
  }

  problem(offset: number, message: string, hint?: string): Problem {
    return new Problem("spire-conf-syntax", message, {
      culprit: "configuration",
      at: this.position(offset),
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

/** A character for people: itself when it can be seen, its number when not. */
export function characterName(character: string): string {
  const code = character.codePointAt(0)!;
  const number = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return /^[\p{L}\p{N}\p{P}\p{S}]$/u.test(character) ? `"${character}" (${number})` : number;
}
