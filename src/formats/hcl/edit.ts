import { applySplices, editImpossible, parseResult, type Splice } from "../splice.js";
import type { HclDocument, HclItem, HclKey, HclObject, HclValue } from "./document.js";
import { insertItem } from "./insert-item.js";
import { parseHcl } from "./parser.js";
import { quoteHcl } from "./quote.js";
import { removeItem } from "./remove-item.js";

/** What is changed is named by the document's own keys, values, items and objects. */
export type HclChange =
  | { rename: HclKey; to: string }
  | { set: HclValue; to: string }
  /** A new item `insert = "value"` behind the last one of an object. */
  | { insert: string; value: string; into: HclObject }
  | { remove: HclItem };

/**
 * The text, HCL or JSON, with the changes made and every other byte as it was: comments, order, layout. Throws a
 * Problem `edit-impossible` when a change cannot be made, or when the result would not read as asked.
 */
export function editHcl(document: HclDocument, changes: readonly HclChange[]): string {
  const text = applySplices(
    document.text,
    changes.flatMap((change) => splicesOf(document, change)),
  );
  const after = parseResult(() => parseHcl(text));
  const isDone = meaning(document.items, changes) === meaning(after.items, []);
  if (!isDone || comments(document, changes) !== comments(after, []))
    throw editImpossible("this layout does not allow the change");
  return text;
}

function splicesOf(document: HclDocument, change: HclChange): Splice[] {
  if ("rename" in change) return [renameKey(document, change.rename, change.to)];
  if ("set" in change) return [setValue(document, change.set, change.to)];
  if ("insert" in change) return [insertItem(document, change.into, change.insert, change.value)];
  return removeItem(document, change.remove);
}

function renameKey({ syntax }: HclDocument, { quoted, span: { start, end } }: HclKey, to: string): Splice {
  return { start, end, text: quoted || syntax === "json" ? quoteHcl(to) : to };
}

function setValue({ text }: HclDocument, { span: { start, end } }: HclValue, to: string): Splice {
  // A heredoc's last line break is its own.
  const lineBreak = /\r?\n$/.exec(text.slice(start, end))?.[0] ?? "";
  return { start, end, text: quoteHcl(to) + lineBreak };
}

/** The comments, save those inside of what the changes take away. */
function comments({ text, tokens }: HclDocument, changes: readonly HclChange[]): string {
  const gone = changes.flatMap((change): (HclItem | HclValue)[] =>
    "remove" in change ? [change.remove] : "set" in change ? [change.set] : [],
  );
  return tokens
    .filter(({ kind, start }) => kind === "comment" && !gone.some(({ span }) => span.start < start && start < span.end))
    .map(({ start, end }) => text.slice(start, end))
    .join("\n");
}

/** What the items say with the changes made, free of layout. */
function meaning(items: readonly HclItem[], changes: readonly HclChange[]): string {
  return JSON.stringify(meaningOfItems(items, changes));
}

function meaningOfItems(items: readonly HclItem[], changes: readonly HclChange[]): unknown[] {
  return items
    .filter((item) => !changes.some((change) => "remove" in change && change.remove === item))
    .map(({ keys, form, value }) => [form, keys.map((key) => nameOf(key, changes)), meaningOfValue(value, changes)]);
}

function nameOf(key: HclKey, changes: readonly HclChange[]): string {
  return changes.reduce((name, change) => ("rename" in change && change.rename === key ? change.to : name), key.name);
}

function meaningOfValue(value: HclValue, changes: readonly HclChange[]): unknown {
  const set = changes.find((change) => "set" in change && change.set === value);
  if (set !== undefined && "set" in set) return set.to;
  if (value.kind === "list") return value.items.map((item) => meaningOfValue(item, changes));
  if (value.kind === "null") return null;
  if (value.kind !== "object") return value.kind === "number" ? { number: value.text } : value.value;
  const added = changes.flatMap((change) =>
    "insert" in change && change.into === value ? [["assignment", [change.insert], change.value]] : [],
  );
  return { items: [...meaningOfItems(value.items, changes), ...added] };
}
