import { Problem, type SourcePosition } from "../../core/problem.js";
import { LineIndex, type Span } from "../line-index.js";

/** Far above any SPIRE configuration, far below what would cost noticeable time. */
const maxLength = 4 * 1024 * 1024;

/** The text being parsed, with the means to say where in it something stands. */
export class SourceText {
  readonly text: string;
  private readonly file: string | undefined;
  private readonly lines: LineIndex;

  constructor(text: string, file?: string) {
    this.text = text;
    this.file = file;
    this.lines = new LineIndex(text);
    if (text.length > maxLength) throw this.problem(0, `the text is longer than ${maxLength} characters`);
    // HCL1's scanner refuses NUL and U+E123 wherever they stand; half a surrogate pair is no Unicode text at all.
    const illegal = /[\0\u{E123}\p{Cs}]/u.exec(text);
    if (illegal !== null) throw this.problem(illegal.index, `illegal character ${characterName(illegal[0])}`);
  }

  position(offset: number): SourcePosition {
    const place = this.lines.position(offset);
    return this.file === undefined ? place : { file: this.file, ...place };
  }

  span(start: number, end: number): Span {
    return this.lines.span(start, end);
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
