import { Problem } from "../../core/problem.js";
import type { Span } from "../line-index.js";

/** Far above any Keylime configuration, far below what would cost noticeable time. */
const maxLength = 4 * 1024 * 1024;

/** What Python's str.isspace() takes: other characters than JavaScript's \s (no U+FEFF, but U+001C to U+001F, U+0085). */
const blanks = "\\t\\n\\v\\f\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const leading = new RegExp(`^[${blanks}]+`);
const nonBlank = new RegExp(`[^${blanks}]`);

export interface IniLine {
  /** Blanks before the content. */
  indent: number;
  /** Without blanks at both ends. */
  content: string;
  span: Span;
}

/** The lines of a text, which LF, CRLF or CR end, as files opened in Python's text mode have them. */
export function* readLines(text: string): Generator<IniLine> {
  if (text.length > maxLength) throw tooLong();
  let line = 1;
  for (const { 0: whole, index } of text.matchAll(/[^\r\n]+(?:\r\n|\r|\n)?|\r\n|\r|\n/g)) {
    const content = trimEndBlank(trimStartBlank(whole));
    const indent = content === "" ? 0 : whole.search(nonBlank);
    const start = index + indent;
    yield { indent, content, span: { start, end: start + content.length, line, column: indent + 1 } };
    line++;
  }
}

export function trimStartBlank(text: string): string {
  return text.replace(leading, "");
}

/** Without a regular expression: an end anchor makes them slow on long runs of blanks. */
export function trimEndBlank(text: string): string {
  let end = text.length;
  while (end > 0 && !nonBlank.test(text[end - 1]!)) end--;
  return text.slice(0, end);
}

function tooLong(): Problem {
  return new Problem("keylime-conf-syntax", `the text is longer than ${maxLength} characters`, {
    culprit: "configuration",
  });
}
