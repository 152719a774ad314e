import type { HclDocument, HclItem, HclValue } from "../../formats/hcl/document.js";
import { editHcl, type HclChange } from "../../formats/hcl/edit.js";
import { parseHcl } from "../../formats/hcl/parser.js";
import { editIni, type IniChange } from "../../formats/ini/edit.js";
import { parseIni } from "../../formats/ini/parser.js";
import { editImpossible } from "../../formats/splice.js";
import { editToml } from "../../formats/toml/edit.js";
import { parseToml } from "../../formats/toml/parser.js";
import type { Edit } from "../checks/check.js";

export type TextEdit = Extract<Edit, { kind: "hcl" | "ini" | "toml" }>;

/**
 * The text of one file with all its edits made, and every other byte as it was.
 * @throws Problem `edit-impossible` when an edit cannot be made, or of the parser when the text does not parse
 */
export function editText(text: string, edits: readonly TextEdit[]): string {
  const [{ kind }] = edits as readonly [TextEdit, ...TextEdit[]];
  if (edits.some((edit) => edit.kind !== kind)) throw editImpossible("it is taken for two languages");
  if (kind === "hcl") return editHclText(text, edits.filter(isHcl));
  return kind === "ini" ? editIniText(text, edits.filter(isIni)) : editTomlText(text, edits.filter(isOption));
}

type HclEdit = Extract<Edit, { kind: "hcl" }>;
type IniEdit = Extract<Edit, { kind: "ini" | "toml" }>;
type OptionEdit = Extract<Edit, { section: string }>;

const isHcl = (edit: TextEdit): edit is HclEdit => edit.kind === "hcl";
const isIni = (edit: TextEdit): edit is IniEdit => edit.kind !== "hcl";
const isOption = (edit: TextEdit): edit is OptionEdit => "section" in edit;

function editHclText(text: string, edits: readonly HclEdit[]): string {
  const document = parseHcl(text);
  return editHcl(
    document,
    edits.map((edit) => hclChange(document, edit)),
  );
}

function hclChange(document: HclDocument, edit: HclEdit): HclChange {
  const name = "rename" in edit ? edit.rename : "remove" in edit ? edit.remove : edit.key;
  const item = [...itemsOf(document.items)].find(({ keys: [key] }) => key.name === name && key.span.line === edit.line);
  if (item === undefined) throw editImpossible(`line ${edit.line} no longer has ${name}`);
  if ("rename" in edit) return { rename: item.keys[0], to: edit.to };
  return "remove" in edit ? { remove: item } : { set: item.value, to: edit.set };
}

function* itemsOf(items: readonly HclItem[]): Generator<HclItem> {
  for (const item of items) {
    yield item;
    yield* itemsWithin(item.value);
  }
}

function* itemsWithin(value: HclValue): Generator<HclItem> {
  if (value.kind === "object") yield* itemsOf(value.items);
  if (value.kind === "list") for (const each of value.items) yield* itemsWithin(each);
}

function editIniText(text: string, edits: readonly IniEdit[]): string {
  return editIni(parseIni(text), edits.map(iniChange));
}

function iniChange(edit: IniEdit): IniChange {
  if ("renameSection" in edit) return { renameSection: edit.renameSection, to: edit.to };
  const { section, option, set } = edit;
  return set === undefined ? { remove: option, section } : { set: option, section, value: set };
}

function editTomlText(text: string, edits: readonly OptionEdit[]): string {
  return editToml(
    parseToml(text),
    edits.map(({ section, option, set }) => {
      const path = section === "" ? [option] : [section, option];
      return set === undefined ? { remove: path } : { set: path, value: set };
    }),
  );
}
