import type { TomlTable, TomlValue } from "smol-toml";
import type { Span } from "../line-index.js";

/** Names from the root down; a number is the index of a table in an array of tables. */
export type TomlPath = readonly (string | number)[];

/** `key = value` as written; the keys of an inline table are part of its value. */
export interface TomlEntry {
  path: TomlPath;
  /** The whole key as written, `a."b c"` with its dots and quotes. */
  key: Span;
  value: Span;
}

/** `[table]` or `[[table]]`. */
export interface TomlHeader {
  path: TomlPath;
  /** With its brackets. */
  span: Span;
}

export interface TomlDocument {
  text: string;
  /** Integers are bigint, so that `1` and `1.0` stay apart. */
  values: TomlTable;
  entries: readonly TomlEntry[];
  headers: readonly TomlHeader[];
}

/** The value at a path, undefined when there is none. */
export function tomlValueAt({ values }: TomlDocument, path: TomlPath): TomlValue | undefined {
  let value: TomlValue | undefined = values;
  for (const step of path) {
    if (typeof value !== "object" || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, TomlValue>)[step];
  }
  return value;
}

/** The place that sets the value at a path, undefined when none does by itself. */
export function findTomlEntry({ entries }: TomlDocument, path: TomlPath): TomlEntry | undefined {
  return entries.find((entry) => samePath(entry.path, path));
}

export function samePath(a: TomlPath, b: TomlPath): boolean {
  return a.length === b.length && a.every((step, index) => step === b[index]);
}
