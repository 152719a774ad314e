import type { Splice } from "../splice.js";
import type { HclDocument, HclItem, Token } from "./document.js";

/** Takes an item away with its comma, and with its lines when nothing else stands on them. */
export function removeItem(document: HclDocument, { span }: HclItem): Splice[] {
  const { text } = document;
  const comma = commaBehind(document, span.end);
  // With a comment between item and comma, each goes by itself.
  if (comma !== undefined && text.slice(span.end, comma.start).trim() !== "") {
    return [wholeLines(text, span.start, span.end), cut(comma)];
  }
  if (comma !== undefined) return [wholeLines(text, span.start, comma.end)];
  // The last item of a list of them: in JSON the comma before it would be one too many.
  const before = meaningfulBefore(document, span.start);
  const item = wholeLines(text, span.start, span.end);
  return before?.kind === "," ? [cut(before), item] : [item];
}

function cut({ start, end }: Token): Splice {
  return { start, end, text: "" };
}

function commaBehind({ tokens }: HclDocument, at: number): Token | undefined {
  const next = tokens.find((token) => token.start >= at && isMeaningful(token));
  return next?.kind === "," ? next : undefined;
}

function meaningfulBefore({ tokens }: HclDocument, at: number): Token | undefined {
  return tokens.findLast((token) => token.end <= at && isMeaningful(token));
}

function isMeaningful({ kind }: Token): boolean {
  return kind !== "space" && kind !== "comment";
}

function wholeLines(text: string, start: number, end: number): Splice {
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const standsAlone = text.slice(lineStart, start).trim() === "";
  // A heredoc's last line break is its own.
  if (text[end - 1] === "\n") return { start: standsAlone ? lineStart : start, end, text: standsAlone ? "" : "\n" };
  const [blanks, lineBreak] = /^[ \t]*(\r?\n)?/.exec(text.slice(end))!;
  if (standsAlone && lineBreak !== undefined) return { start: lineStart, end: end + blanks.length, text: "" };
  // What stands behind it (a comment, a neighbour) takes its place.
  return { start, end: end + (lineBreak === undefined ? blanks.length : 0), text: "" };
}
