import type { HclDocument, HclItem, HclValue } from "../formats/hcl/document.js";

/**
 * What SPIRE 1.13 hands to a plugin as `hcl_configuration` for a `plugin_data` value (hashicorp/hcl 1.0.1-vault-7,
 * printer/nodes.go): a block's contents without braces, items separated by a blank line, keys and literals spelled as in
 * the file, no final newline. Two liberties, without effect on the meaning: comments are left out, and values inside
 * nested blocks are not aligned. `text` is the file's, from which the spans were taken.
 */
export function printPluginData(
  data: HclValue | readonly HclItem[],
  source: Pick<HclDocument, "text" | "syntax">,
): string {
  const printer = new Printer(source);
  if (isItems(data)) return printer.contents(data);
  if (data.kind === "object") return printer.contents(data.items);
  const only = source.syntax === "json" ? objectsOf(data)[0] : undefined;
  return only === undefined ? printer.value(data) : printer.contents(only.items);
}

const isItems = (data: HclValue | readonly HclItem[]): data is readonly HclItem[] => Array.isArray(data);

type HclObject = Extract<HclValue, { kind: "object" }>;

/** The objects of a list that holds nothing else: in JSON such a list is a block written several times. */
function objectsOf(value: HclValue): readonly HclObject[] {
  if (value.kind !== "list") return [];
  const objects = value.items.filter((item): item is HclObject => item.kind === "object");
  return objects.length === value.items.length ? objects : [];
}

class Printer {
  constructor(private readonly source: Pick<HclDocument, "text" | "syntax">) {}

  contents(items: readonly HclItem[]): string {
    const all = items.flatMap((item) => this.repeated(item));
    return all.map((item, i) => this.item(item) + this.gap(item, all[i + 1])).join("");
  }

  value(value: HclValue): string {
    switch (value.kind) {
      case "null":
        return "";
      case "object":
        return this.object(value);
      case "list":
        return this.list(value);
      default:
        return this.spelled(value.span).replace(/\n$/, "");
    }
  }

  private repeated(item: HclItem): HclItem[] {
    const objects = this.source.syntax === "json" ? objectsOf(item.value) : [];
    return objects.length === 0 ? [item] : objects.map((value) => ({ ...item, value }));
  }

  private item({ keys, form, value }: HclItem): string {
    const sign = form === "assignment" ? " = " : " ";
    return keys.map(({ span }) => this.spelled(span)).join(" ") + sign + this.value(value);
  }

  private gap(item: HclItem, next: HclItem | undefined): string {
    if (next === undefined) return "";
    const hugs = isEmptyBlock(item) && isEmptyBlock(next) && next.span.line === item.span.line + 1;
    return hugs ? "\n" : "\n\n";
  }

  private object({ items }: HclObject): string {
    if (items.length === 0) return "{}";
    const all = items.flatMap((item) => this.repeated(item));
    const lines = all.map((item, i) => {
      const next = all[i + 1];
      const gap = next === undefined || next.span.line === item.span.line + 1 ? "\n" : "\n\n";
      return indented(this.item(item)) + gap;
    });
    return `{\n${lines.join("")}}`;
  }

  private list({ items, span }: Extract<HclValue, { kind: "list" }>): string {
    const isFlat = items.every(
      (item) => item.kind !== "object" && item.kind !== "list" && item.span.line === span.line,
    );
    const heredocs = items.filter((item) => item.kind === "string" && item.heredoc).length;
    const values = items.map((item) => this.value(item));
    if (isFlat && heredocs === 0) return `[${values.join(", ")}]`;
    if (isFlat && items.length === 1) return `[${values[0]}\n]`;
    // The closing anchor of a heredoc must be alone on its line.
    const ends = items.map((item) => (item.kind === "string" && item.heredoc ? "\n  ," : ","));
    return `[\n${values.map((text, i) => indented(text) + ends[i]).join("\n")}\n]`;
  }

  private spelled({ start, end }: { start: number; end: number }): string {
    return this.source.text.slice(start, end);
  }
}

const isEmptyBlock = ({ form, value }: HclItem): boolean =>
  form === "block" && value.kind === "object" && value.items.length === 0;

/** Indents every line but those of a heredoc, whose text they are. */
function indented(text: string): string {
  let anchor: string | undefined;
  return text
    .split("\n")
    .map((line) => {
      const inside = anchor !== undefined;
      if (anchor === undefined) anchor = /<<-?([\p{L}\p{Nd}_]+)\r?$/u.exec(line)?.[1];
      else if (line.trim() === anchor) anchor = undefined;
      return inside || line === "" ? line : `  ${line}`;
    })
    .join("\n");
}
