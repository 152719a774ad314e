import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hclDocuments } from "../../../test/support/hcl-documents.js";
import { byGo, rejected, repeatsAKey } from "../../../test/support/hcl-oracle.js";
import { Problem, problemLine } from "../../core/problem.js";
import type { Span } from "../line-index.js";
import type { HclDocument, HclItem, HclObject } from "./document.js";
import { editHcl, type HclChange } from "./edit.js";
import { parseHcl } from "./parser.js";

/** The server.conf of the field report, with comments. */
const serverConf = `plugins {
  NodeAttestor "keylime" { # the pair
    plugin_data {
      keylime_verifier_port    = "8881" // as text
      keylime_tls_client_cert_file = "/etc/keylime/certs/verifier.crt"
      "keylime_tls_client_key_file" = "/etc/keylime/certs/verifier.key" /* one
        key */
    }
  }
}
`;

function itemNamed(items: readonly HclItem[], ...names: string[]): HclItem {
  const [name, ...rest] = names;
  const item = items.find(({ keys }) => keys[0].name === name)!;
  return rest.length === 0 ? item : itemNamed((item.value as HclObject).items, ...rest);
}

function edited(text: string, change: (named: (...names: string[]) => HclItem) => HclChange[]): string {
  const document = parseHcl(text);
  const after = editHcl(
    document,
    change((...names) => itemNamed(document.items, ...names)),
  );
  expect(byGo(after)).not.toBe(rejected);
  return after;
}

const pluginData = ["plugins", "NodeAttestor", "plugin_data"];

describe("editHcl", () => {
  it("renames keys, bare and quoted, and nothing else", () => {
    expect(
      edited(serverConf, (named) => [
        { rename: named(...pluginData, "keylime_tls_client_cert_file").keys[0], to: "keylime_tls_cert_file" },
        { rename: named(...pluginData, "keylime_tls_client_key_file").keys[0], to: "keylime_tls_key_file" },
      ]),
    ).toBe(serverConf.replaceAll("_client_", "_"));
  });

  it("sets values", () => {
    expect(
      edited(serverConf, (named) => [{ set: named(...pluginData, "keylime_verifier_port").value, to: '8"8$' }]),
    ).toBe(serverConf.replace('"8881"', '"8\\"8\\u0024"'));
  });

  it("inserts behind the last item and its comment, in its indentation", () => {
    const change = (named: (...names: string[]) => HclItem): HclChange[] => [
      { insert: "x", value: "y", into: named(...pluginData).value as HclObject },
      { insert: "z", value: "", into: named("plugins", "NodeAttestor").value as HclObject },
    ];
    expect(edited(serverConf, change)).toBe(
      serverConf.replace("key */\n    }\n", 'key */\n      x = "y"\n    }\n    z = ""\n'),
    );
  });

  it.each([
    ["an empty object", "a {}", 'a { k = "v" }'],
    ["an empty object of two lines", "  a {\r\n  }\r\n", '  a {\r\n    k = "v"\r\n  }\r\n'],
    ["an object with a comment alone", "a { # c\n}", 'a { # c\n  k = "v"\n}'],
    ["an object of one line", "a { b = 1 }", 'a { b = 1, k = "v" }'],
    ["an object of one line with a last comma", "a { b = 1, }", 'a { b = 1, k = "v", }'],
    ["an object that ends in a heredoc", "a {\n\tb = <<E\nx\nE\n}", 'a {\n\tb = <<E\nx\nE\n\tk = "v"\n}'],
    ["an object that ends in a block", "a {\n  b {}\n}", 'a {\n  b {}\n  k = "v"\n}'],
    ["an object with other line breaks", "z = 1\r\na {\n  b = 1 # c\n}", 'z = 1\r\na {\n  b = 1 # c\n  k = "v"\n}'],
    ["an assigned object", "a = {\n  b = 1,\n}", 'a = {\n  b = 1,\n  k = "v"\n}'],
    ["JSON of one line", '{"a": {"b": 1}}', '{"a": {"b": 1, "k": "v"}}'],
    ["JSON of several lines", '{"a": {\n  "b": 1\n}}', '{"a": {\n  "b": 1,\n  "k": "v"\n}}'],
    ["empty JSON", '{"a": {}}', '{"a": { "k": "v" }}'],
  ])("inserts into %s", (_, before, after) => {
    expect(edited(before, (named) => [{ insert: "k", value: "v", into: named("a").value as HclObject }])).toBe(after);
  });

  it.each([
    ["its line", "a {\n  x = 1\n  b = 2\n}", "a {\n  b = 2\n}"],
    ["the block's lines", "a {\n  x {\n    c = 1\n  }\n  b = 2\n}", "a {\n  b = 2\n}"],
    ["all but the comment behind it", "a {\n  x = 1 # why\n  b = 2\n}", "a {\n  # why\n  b = 2\n}"],
    ["its comma", "a { x = 1, b = 2 }", "a { b = 2 }"],
    ["the comma before it", "a { b = 2, x = 1 }", "a { b = 2 }"],
    ["its comma behind a comment", "a { x = 1 /* c */ , b = 2 }", "a { /* c */  b = 2 }"],
    ["a heredoc", "a {\n  x = <<E\nx\nE\n\n  b = 1\n}", "a {\n\n  b = 1\n}"],
    ["a heredoc behind another item", "a {\n  b = 1 x = <<E\nx\nE\n}", "a {\n  b = 1 \n}"],
    ["JSON's last item with the comma before it", '{"a": {\n  "b": 1,\n  "x": 2\n}}', '{"a": {\n  "b": 1\n}}'],
    ["JSON's only item", '{"a": {"x": 2}}', '{"a": {}}'],
  ])("removes %s", (_, before, after) => {
    expect(edited(before, (named) => [{ remove: named("a", "x") }])).toBe(after);
  });

  it.each<[string, (item: HclItem) => HclChange, string]>([
    ["a name that is no key", (item) => ({ rename: item.keys[0], to: "a b" }), "could not be read"],
    ["a name that opens a string", (item) => ({ rename: item.keys[0], to: '"a' }), "could not be read"],
    ["two changes of one place", (item) => ({ remove: item }), "touch the same place"],
  ])("refuses %s", (_, change, why) => {
    const document = parseHcl("a { x = 1 }");
    const item = itemNamed(document.items, "a", "x");
    const changes: HclChange[] = [change(item), { set: item.value, to: "2" }];
    expect(problemOf(() => editHcl(document, changes))).toContain(why);
  });
});

function problemOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof Problem) return problemLine(error);
    throw error;
  }
  return "done";
}

/** Every item with the object it stands in, the top level's included. */
function allItems(items: readonly HclItem[]): HclItem[] {
  const below = items.flatMap(({ value }) => (value.kind === "object" ? allItems(value.items) : []));
  return [...items, ...below];
}

function allObjects(document: HclDocument): HclObject[] {
  return allItems(document.items).flatMap(({ value }) => (value.kind === "object" ? [value] : []));
}

interface PlannedChange {
  change: HclChange;
  /** The text that the change must leave alone. */
  outside: string;
  /** What it may add. */
  added: RegExp;
}

function insertion(document: HclDocument, choice: number): PlannedChange | undefined {
  const objects = allObjects(document);
  const into = objects[choice % objects.length];
  if (into === undefined) return undefined;
  return { change: { insert: "inserted", value: "é", into }, outside: document.text, added: /inserted = "é"/ };
}

function changeOfItem({ text, items }: HclDocument, kind: 1 | 2 | 3, choice: number): PlannedChange | undefined {
  const all = allItems(items);
  const item = all[choice % all.length];
  if (item === undefined) return undefined;
  const without = ({ start, end }: Span) => text.slice(0, start) + text.slice(end);
  const [key] = item.keys;
  if (kind === 1)
    return {
      change: { rename: key, to: "renamed_key" },
      outside: without(key.span),
      added: /"renamed_key"|renamed_key/,
    };
  if (kind === 3) return { change: { remove: item }, outside: without(item.span), added: /$/ };
  if (item.form === "block") return undefined;
  return { change: { set: item.value, to: "€set€" }, outside: without(item.value.span), added: /"€set€"/ };
}

describe("edits of generated documents", { timeout: 120_000 }, () => {
  it("leave every byte outside, save blanks and commas, and are read by Go", () => {
    let edits = 0;
    const property = fc.property(hclDocuments, fc.constantFrom(0, 1, 2, 3), fc.nat(), (text, kind, choice) => {
      const document = parseHcl(text);
      const planned = kind === 0 ? insertion(document, choice) : changeOfItem(document, kind, choice);
      if (planned === undefined) return;
      const after = editHcl(document, [planned.change]);
      if (!repeatsAKey(parseHcl(after).items)) expect(byGo(after)).not.toBe(rejected);
      const bare = (one: string) => one.replaceAll(/[\s,]/g, "");
      expect(bare(after.replace(planned.added, ""))).toBe(bare(planned.outside));
      edits++;
    });
    fc.assert(property, { numRuns: 500 });
    expect(edits).toBeGreaterThan(200);
  });
});
