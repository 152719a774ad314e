import type { Span } from "../line-index.js";
import { applySplices, editImpossible, parseResult, type Splice } from "../splice.js";
import { commentedOptions } from "./commented-option.js";
import { findOption, type IniDocument, type IniOption, type IniSection } from "./document.js";
import { trimEndBlank, trimStartBlank } from "./lines.js";
import { parseIni } from "./parser.js";

export type IniChange =
  /** Sets an option where it stands; an absent one takes the place of a comment that holds it, else follows the last option. */
  | { set: string; section: string; value: string }
  | { remove: string; section: string }
  | { renameSection: string; to: string };

/**
 * The text with the changes made and every other byte as it was: comments, blank lines, order and line ends. Throws a
 * Problem `edit-impossible` when a change cannot be made, or when the result would not read as asked.
 */
export function editIni(document: IniDocument, changes: readonly IniChange[]): string {
  const text = applySplices(
    document.text,
    changes.flatMap((change) => splicesOf(document, change)),
  );
  const wanted = changes.reduce(changedModel, modelOf(document));
  if (!sameModel(wanted, modelOf(parseResult(() => parseIni(text)))))
    throw editImpossible("this layout does not allow the change");
  return text;
}

function splicesOf(document: IniDocument, change: IniChange): Splice[] {
  if ("set" in change) return setOption(document, change.section, change.set, oneLine(change.value));
  if ("remove" in change) return removeOption(document, required(document, change.section, change.remove));
  return sectionsNamed(document, change.renameSection).map(({ nameSpan: { start, end } }) => {
    return { start, end, text: change.to };
  });
}

function setOption(document: IniDocument, section: string, name: string, value: string): Splice[] {
  const option = findOption(document, section, name);
  if (option !== undefined) return replaceValue(document, option, value);
  const commented = commentedOptions(document, section, name);
  const same = commented.find((comment) => comment.value === value);
  if (same !== undefined) return [commentIn(document, section, same)];
  const last = commented.at(-1);
  if (last !== undefined) return [insertAfter(document, section, last.span.end, name, value)];
  const found = sectionsNamed(document, section, false).at(-1);
  if (found !== undefined) return [insertAfter(document, section, found.end, name, value)];
  return [appendSection(document, section, name, value)];
}

function replaceValue({ text }: IniDocument, { valueLines: [first, ...more] }: IniOption, value: string): Splice[] {
  const gap = first.start === first.end && value !== "" && /[=:]/.test(text[first.start - 1]!) ? " " : "";
  return [{ start: first.start, end: first.end, text: gap + value }, ...more.map((line) => wholeLine(text, line))];
}

function removeOption({ text }: IniDocument, { key, valueLines: [, ...more] }: IniOption): Splice[] {
  return [key, ...more].map((line) => wholeLine(text, line));
}

/** Takes the comment sign off, and the indentation it needs to be no continuation of the option before it. */
function commentIn(document: IniDocument, section: string, { span, nameStart }: { span: Span; nameStart: number }) {
  return {
    start: lineStart(document.text, span.start),
    end: nameStart,
    text: indentationAt(document, section, span.start),
  };
}

function insertAfter(document: IniDocument, section: string, at: number, name: string, value: string): Splice {
  const end = lineEnd(document.text, at);
  const line = `${indentationAt(document, section, at)}${name} = ${value}`.trimEnd();
  return { start: end, end, text: lineBreakOf(document.text) + line };
}

function appendSection({ text }: IniDocument, section: string, name: string, value: string): Splice {
  const lineBreak = lineBreakOf(text);
  const before = text === "" || /[\r\n]$/.test(text) ? "" : lineBreak;
  const blankLine = text === "" ? "" : lineBreak;
  const lines = `[${section}]${lineBreak}${`${name} = ${value}`.trimEnd()}${lineBreak}`;
  return { start: text.length, end: text.length, text: before + blankLine + lines };
}

/** The indentation of the option before the place, else of the one behind it: what keeps both apart from a new one. */
function indentationAt(document: IniDocument, section: string, at: number): string {
  const options = sectionsNamed(document, section).flatMap((one) => one.options);
  const before = options.findLast((option) => option.key.start < at);
  const neighbour = before ?? options.find((option) => option.key.start > at);
  if (neighbour === undefined) return "";
  return document.text.slice(lineStart(document.text, neighbour.key.start), neighbour.key.start);
}

function wholeLine(text: string, { start, end }: Span): Splice {
  const lineBreak = /^(?:\r\n|\r|\n)?/.exec(text.slice(lineEnd(text, end)))![0];
  return { start: lineStart(text, start), end: lineEnd(text, end) + lineBreak.length, text: "" };
}

/** Where the line ends, blanks at its end included. */
function lineEnd(text: string, at: number): number {
  const found = text.slice(at).search(/[\r\n]/);
  return found < 0 ? text.length : at + found;
}

function lineStart(text: string, at: number): number {
  return Math.max(text.lastIndexOf("\n", at - 1), text.lastIndexOf("\r", at - 1)) + 1;
}

function lineBreakOf(text: string): string {
  return /\r\n|\r|\n/.exec(text)?.[0] ?? "\n";
}

function oneLine(value: string): string {
  const isOneLine = !/[\r\n]/.test(value) && trimEndBlank(trimStartBlank(value)) === value;
  if (!isOneLine) throw editImpossible("a value must be one line without blanks at its ends");
  return value;
}

function required(document: IniDocument, section: string, name: string): IniOption {
  const option = findOption(document, section, name);
  if (option === undefined) throw editImpossible(`section [${section}] has no option ${name}`);
  return option;
}

function sectionsNamed({ sections }: IniDocument, name: string, mustBe = true): IniSection[] {
  const found = sections.filter((section) => section.name === name);
  if (mustBe && found.length === 0) throw editImpossible(`there is no section [${name}]`);
  return found;
}

/** What the text means, free of layout: options in any order. */
type Model = Map<string, Map<string, string>>;

function modelOf({ sections }: IniDocument): Model {
  const model: Model = new Map();
  for (const { name, options } of sections) {
    const values = model.get(name) ?? new Map();
    for (const option of options) values.set(option.name, option.value);
    model.set(name, values);
  }
  return model;
}

function changedModel(model: Model, change: IniChange): Model {
  if ("renameSection" in change) {
    return new Map([...model].map(([name, options]) => [name === change.renameSection ? change.to : name, options]));
  }
  const options = new Map(model.get(change.section));
  if ("set" in change) options.set(change.set.toLowerCase(), change.value);
  else options.delete(change.remove.toLowerCase());
  return new Map(model).set(change.section, options);
}

function sameModel(a: Model, b: Model): boolean {
  return a.size === b.size && [...a].every(([name, options]) => sameOptions(options, b.get(name)));
}

function sameOptions(a: Map<string, string>, b: Map<string, string> | undefined): boolean {
  return b !== undefined && a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);
}
