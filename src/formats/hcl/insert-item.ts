import type { Splice } from "../splice.js";
import type { HclDocument, HclItem, HclObject } from "./document.js";
import { quoteHcl } from "./quote.js";

/** Puts `name = "value"` behind the last item of an object, laid out as its neighbours are. */
export function insertItem(document: HclDocument, object: HclObject, name: string, value: string): Splice {
  const { syntax, text } = document;
  const item = syntax === "json" ? `${quoteHcl(name)}: ${quoteHcl(value)}` : `${name} = ${quoteHcl(value)}`;
  const last = object.items.at(-1);
  if (last === undefined) return insertFirst(text, object, item);
  return syntax === "json" ? insertInJson(text, object, last, item) : insertBehind(document, last, item);
}

function insertFirst(text: string, { span }: HclObject, item: string): Splice {
  const close = span.end - 1;
  const before = text.slice(lineStart(text, close), close);
  const hasOwnLine = before.trim() === "" && lineStart(text, close) > span.start;
  if (!hasOwnLine) return { start: close, end: close, text: `${/\s$/.test(before) ? "" : " "}${item} ` };
  return { start: close - before.length, end: close - before.length, text: `${before}  ${item}${lineBreakOf(text)}` };
}

function insertInJson(text: string, object: HclObject, { keys, value }: HclItem, item: string): Splice {
  const at = value.span.end;
  const isOneLine = !text.slice(at, object.span.end).includes("\n");
  const gap = isOneLine ? " " : lineBreakOf(text) + indentation(text, keys[0].span.start);
  return { start: at, end: at, text: `,${gap}${item}` };
}

function insertBehind({ text, tokens }: HclDocument, { keys, value }: HclItem, item: string): Splice {
  const indent = indentation(text, keys[0].span.start);
  const itemEnd = value.span.end;
  if (text[itemEnd - 1] === "\n") return { start: itemEnd, end: itemEnd, text: indent + item + lineBreakOf(text) };
  const tail = tokens.filter(({ start }) => start >= itemEnd);
  const lineEnd = tail.find(({ kind, start, end }) => kind === "space" && text.slice(start, end).includes("\n"));
  const isLast = tail.findIndex(({ kind }) => kind === "}") < tail.indexOf(lineEnd!);
  if (lineEnd === undefined || isLast) return { start: itemEnd, end: itemEnd, text: `, ${item}` };
  const at = lineEnd.start + text.slice(lineEnd.start).search(/\r?\n/);
  // This line's own break: another line's \r would become a part of the comment before it.
  return { start: at, end: at, text: lineBreakOf(text.slice(at)) + indent + item };
}

/** The blanks that the line at an offset starts with. */
function indentation(text: string, at: number): string {
  return /^[ \t]*/.exec(text.slice(lineStart(text, at)))![0];
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1;
}

function lineBreakOf(text: string): string {
  return /\r?\n/.exec(text)?.[0] ?? "\n";
}
