import { nearestName } from "../core/nearest.js";
import type { HclItem, HclKey, HclValue } from "../formats/hcl/document.js";
import type { Findings } from "./findings.js";
import type { KeySchema } from "./schema.js";

/** One key of `plugin_data` as it was written. */
export interface RawEntry {
  /** The schema's name for it, aliases resolved; undefined for a key the schema does not know. */
  key: string | undefined;
  written: HclKey;
  value: HclValue;
}

/** `plugin_data` as written: every key in its order, the unknown and the repeated ones too. */
export type RawPluginData = readonly RawEntry[];

export interface Half {
  name: "server" | "agent";
  keys: Readonly<Record<string, KeySchema>>;
  otherKeys: Readonly<Record<string, KeySchema>>;
}

/** Longer keys are noise, and comparing them would cost time. */
const maxSuggestedLength = 128;

/** Matches what was written with the schema. Key case does not count, as in Go's decoder. */
export function matchKeys(items: readonly HclItem[], half: Half): RawPluginData {
  const names = new Map<string, string>();
  for (const [key, { aliases }] of Object.entries(half.keys)) {
    for (const name of [key, ...(aliases ?? [])]) names.set(name, key);
  }
  return items.map(({ keys, value }) => ({ key: names.get(keys[0].name.toLowerCase()), written: keys[0], value }));
}

/**
 * The entry that counts for each key: the last one, as in Go's decoder. Unknown keys are problems, so are an alias and
 * its main key that disagree; a key that is given twice is a warning. A null counts as not written.
 */
export function effectiveEntries(raw: RawPluginData, half: Half, findings: Findings): Map<string, RawEntry> {
  const effective = new Map<string, RawEntry>();
  const bySpelling = new Map<string, RawEntry>();
  for (const entry of raw) {
    if (entry.key === undefined && !findings.full) reportUnknown(entry, half, findings);
    if (entry.key === undefined || entry.value.kind === "null") continue;
    const spelling = entry.written.name.toLowerCase();
    reportRepeated(entry, bySpelling.get(spelling), findings);
    bySpelling.set(spelling, entry);
    effective.set(entry.key, entry);
  }
  for (const [key, entry] of effective) reportDisagreement(key, entry, half, bySpelling, findings);
  return effective;
}

function reportUnknown({ written }: RawEntry, half: Half, findings: Findings): void {
  const { name, span } = written;
  const known = Object.entries(half.keys).flatMap(([key, { aliases }]) => [key, ...(aliases ?? [])]);
  const lower = name.toLowerCase();
  const nearest = name.length > maxSuggestedLength ? undefined : nearestName(name, known);
  const hint = Object.hasOwn(half.otherKeys, lower)
    ? `move it to the ${half.name === "server" ? "agent" : "server"} plugin's plugin_data, where it belongs`
    : nearest === undefined
      ? "remove it"
      : `did you mean ${nearest}?`;
  findings.problem(
    "plugin-unknown-key",
    `unknown key ${shown(name)} in the ${half.name} plugin's plugin_data`,
    span,
    hint,
  );
}

function reportRepeated({ written }: RawEntry, before: RawEntry | undefined, findings: Findings): void {
  if (before === undefined) return;
  const message = `${written.name} is given twice: its earlier value is not used`;
  findings.warning("plugin-duplicate-key", message, written.span, "remove one of the two");
}

function reportDisagreement(
  key: string,
  entry: RawEntry,
  half: Half,
  bySpelling: ReadonlyMap<string, RawEntry>,
  findings: Findings,
): void {
  const spellings = [key, ...(half.keys[key]?.aliases ?? [])];
  const rivals = spellings.flatMap((spelling) => bySpelling.get(spelling) ?? []);
  const other = rivals.find((rival) => rival !== entry && !sameValue(rival.value, entry.value));
  if (other === undefined) return;
  const message = `${other.written.name} and ${entry.written.name} mean the same and have different values`;
  findings.problem("plugin-key-conflict", message, entry.written.span, `remove one of them, ${key} is the main name`);
}

function sameValue(a: HclValue, b: HclValue): boolean {
  return a.kind === "string" && b.kind === "string" && a.value === b.value;
}

/** A name or value for people, cut where it gets long. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** The text of a value where a string is wanted: HCL's decoder takes an integer there too, and nothing else. */
export function scalarText(value: HclValue): string | undefined {
  if (value.kind === "string") return value.value;
  return value.kind === "number" && value.integer ? value.text : undefined;
}
