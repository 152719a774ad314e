import { applySplices, editImpossible, parseResult, type Splice } from "../splice.js";
import { findTomlEntry, samePath, type TomlDocument, type TomlEntry, type TomlPath, tomlValueAt } from "./document.js";
import { parseToml } from "./parser.js";

export type TomlChange =
  /** Sets a value where it stands; an absent key follows the last one of its table, an absent table the last table. */
  { set: TomlPath; value: string | number | boolean } | { remove: TomlPath };

/**
 * The text with the changes made and every other byte as it was. Throws a Problem `edit-impossible` when a change
 * cannot be made, or when the result would not read as asked.
 */
export function editToml(document: TomlDocument, changes: readonly TomlChange[]): string {
  const text = applySplices(
    document.text,
    changes.flatMap((change) => splicesOf(document, change)),
  );
  const after = parseResult(() => parseToml(text));
  for (const change of changes) mustBeDone(after, change);
  mustBeKept(document, after, changes);
  return text;
}

function splicesOf(document: TomlDocument, change: TomlChange): Splice[] {
  if ("remove" in change) return [removal(document, change.remove)];
  const value = tomlText(change.value);
  const entry = findTomlEntry(document, change.set);
  if (entry !== undefined) return [{ start: entry.value.start, end: entry.value.end, text: value }];
  if (tomlValueAt(document, change.set) !== undefined)
    throw editImpossible(`${change.set.join(".")} is not set by itself`);
  return [insertion(document, change.set, value)];
}

/** A comment behind the value stays, on the line that the entry leaves. */
function removal(document: TomlDocument, path: TomlPath): Splice {
  const entry = findTomlEntry(document, path);
  if (entry === undefined) throw editImpossible(`${path.join(".")} is not set`);
  const { text } = document;
  const [, comment, lineBreak] = /^[ \t]*(#[^\r\n]*)?(\r?\n)?/.exec(text.slice(entry.value.end))!;
  if (comment !== undefined) return { start: entry.key.start, end: text.indexOf(comment, entry.value.end), text: "" };
  const blanks = /^[ \t]*/.exec(text.slice(entry.value.end))![0].length;
  const end = entry.value.end + blanks + (lineBreak?.length ?? 0);
  return { start: lineStart(text, entry.key.start), end, text: "" };
}

function insertion(document: TomlDocument, path: TomlPath, value: string): Splice {
  const { text } = document;
  const table = path.slice(0, -1);
  const line = `${keyText(path.at(-1)!)} = ${value}`;
  const last = document.entries.findLast((entry) => standsIn(document, entry, table));
  const header = document.headers.find((one) => samePath(one.path, table));
  const lineBreak = /\r?\n/.exec(text)?.[0] ?? "\n";
  if (last !== undefined) {
    const indentation = text.slice(lineStart(text, last.key.start), last.key.start);
    return after(text, last.value.end, `${lineBreak}${indentation}${line}`);
  }
  if (header !== undefined) return after(text, header.span.end, `${lineBreak}${line}`);
  if (table.length === 0) return { start: 0, end: 0, text: `${line}${lineBreak}` };
  const gap = text === "" ? "" : text.endsWith("\n") ? lineBreak : lineBreak.repeat(2);
  const headerLine = `[${table.map(keyText).join(".")}]`;
  return { start: text.length, end: text.length, text: `${gap}${headerLine}${lineBreak}${line}${lineBreak}` };
}

/** Whether an entry stands below the header of the table itself, so that a neighbour put there belongs to it too. */
function standsIn({ headers }: TomlDocument, entry: TomlEntry, table: TomlPath): boolean {
  const header = headers.findLast(({ span }) => span.start < entry.key.start);
  return samePath(header?.path ?? [], table);
}

function after(text: string, at: number, inserted: string): Splice {
  const rest = text.slice(at).search(/\r?\n/);
  const end = rest < 0 ? text.length : at + rest;
  return { start: end, end, text: inserted };
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1;
}

function keyText(name: string | number): string {
  return /^[\w-]+$/.test(String(name)) ? String(name) : tomlText(String(name));
}

function tomlText(value: string | number | boolean): string {
  return typeof value === "string" ? JSON.stringify(value).replaceAll("\x7f", "\\u007f") : String(value);
}

function mustBeDone(after: TomlDocument, change: TomlChange): void {
  const [path, wanted] = "set" in change ? [change.set, tomlText(change.value)] : [change.remove, undefined];
  const entry = findTomlEntry(after, path);
  const found = entry === undefined ? undefined : after.text.slice(entry.value.start, entry.value.end);
  if (found !== wanted) throw editImpossible("this layout does not allow the change");
}

function mustBeKept(before: TomlDocument, after: TomlDocument, changes: readonly TomlChange[]): void {
  const changed = changes.map((change) => ("set" in change ? change.set : change.remove));
  const others = ({ text, entries }: TomlDocument): string =>
    entries
      .filter(({ path }) => !changed.some((one) => samePath(one, path)))
      .map(({ path, value }) => `${JSON.stringify(path)} ${text.slice(value.start, value.end)}`)
      .join("\n");
  if (others(before) !== others(after)) throw editImpossible("this layout does not allow the change");
}
