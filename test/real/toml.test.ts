import fc from "fast-check";
import { TomlDate, type TomlValue } from "smol-toml";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Problem } from "../../src/core/problem.js";
import { type TomlDocument, tomlValueAt } from "../../src/formats/toml/document.js";
import { editToml, type TomlChange } from "../../src/formats/toml/edit.js";
import { parseToml } from "../../src/formats/toml/parser.js";
import { describeWithPeers, peerPath } from "./support/peers.js";
import { type PythonOracle, startPythonOracle } from "./support/python-oracle.js";

function typed(value: TomlValue): unknown {
  if (typeof value === "bigint") return { integer: String(value) };
  if (typeof value === "number") return { float: Number.isFinite(value) ? value : floatName(value) };
  if (typeof value !== "object") return value;
  if (value instanceof TomlDate) {
    return { date: value.isDateTime() ? "datetime" : value.isDate() ? "date" : "time" };
  }
  if (Array.isArray(value)) return value.map(typed);
  return {
    table: Object.fromEntries(Object.entries(value as Record<string, TomlValue>).map(([k, one]) => [k, typed(one)])),
  };
}

function floatName(value: number): string {
  return Number.isNaN(value) ? "nan" : value < 0 ? "-inf" : "inf";
}

function parsed(text: string): TomlDocument | undefined {
  try {
    return parseToml(text);
  } catch (error) {
    if (error instanceof Problem && error.code === "keylime-conf-syntax") return undefined;
    throw error;
  }
}

/** Names are numbered by place, so that no key and no table is given twice. */
const text = fc.string({ unit: "grapheme-ascii", maxLength: 8 });
const basic = fc.oneof(
  text.map((one) => JSON.stringify(one).replaceAll("\x7f", "\\u007f")),
  fc.constantFrom('"# no comment"', '"\\"]"', '"é😀"', '"\\u00e9\\U0001F600\\t"', '"a = b"'),
);
const literal = fc.stringMatching(/^[ -&(-~]{0,8}$/).map((one) => `'${one}'`);
const several = fc.constantFrom('"""\na "b" # c\n\\\n   d"""', '""""x"""""', "'''\n[x]\ny'''", "''''x'''''", '""""""');
const number = fc.oneof(
  fc.integer().map(String),
  fc.constantFrom("0x1F", "0o17", "0b101", "1_000", "+5", "9007199254740993", "1e3", "-0.5", "6.26e-34", "inf", "-nan"),
);
const date = fc.constantFrom("1979-05-27T07:32:00Z", "1979-05-27 07:32:00.5", "1979-05-27", "07:32:00");
const scalar = fc.oneof(basic, literal, several, number, date, fc.constantFrom("true", "false"));
const gap = fc.constantFrom("", " ", "  ", "\t");
const breakInArray = fc.constantFrom("", " ", "\n  ", " # ] }\n", "\r\n");
const { value } = fc.letrec<{ value: string; inline: string; array: string }>((tie) => ({
  value: fc.oneof({ maxDepth: 2, withCrossShrink: true }, scalar, tie("inline"), tie("array")),
  inline: fc
    .array(fc.tuple(gap, tie("value")), { maxLength: 3 })
    .map((items) => `{${items.map(([blank, one], i) => ` k${i}${blank}=${blank}${one} `).join(",")}}`),
  array: fc
    .tuple(fc.array(fc.tuple(breakInArray, tie("value")), { maxLength: 3 }), fc.constantFrom("", ","))
    .map(([items, last]) => `[${items.map(([before, one]) => before + one).join(",")}${items.length > 0 ? last : ""}]`),
}));
const entries = fc
  .array(fc.tuple(gap, fc.nat(4), gap, value!, fc.constantFrom("", " # c", "  #", " ")), { maxLength: 4 })
  .map((all) =>
    all.map(([indent, form, blank, one, comment], i) => {
      const name = [`k${i}`, `"k ${i}"`, `'${i}.k'`, `a${i} . "b" .c`, `${i}`][form]!;
      return `${indent}${name}${blank}=${blank}${one}${comment}`;
    }),
  );
const tables = fc.array(fc.tuple(fc.nat(3), entries), { maxLength: 4 }).map((all) =>
  all.flatMap(([form, lines], i) => {
    const header = [`[t${i}]`, `[ t${i} . "x" ] # t`, "[[list]]", `[list${i}.'y'.z]`][form]!;
    return [header, ...lines, ""];
  }),
);
const documents = fc
  .tuple(entries, tables, fc.constantFrom("\n", "\r\n"), fc.boolean())
  .map(([top, rest, lineEnd, ended]) => [...top, ...rest].join(lineEnd) + (ended ? lineEnd : ""));

/** Tokens of which TOML 1.0 and 1.1 make the same: no escape, no line break or comma at the end of an inline table. */
const soup = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "[",
        "]",
        "{",
        "}",
        ",",
        "=",
        ".",
        " ",
        "\n",
        "a",
        "b",
        '"c"',
        "'d'",
        "1",
        "1.5",
        "true",
        "# x\n",
      ),
      fc.constantFrom(
        "a = 1\n",
        "[t]\n",
        "[[l]]\n",
        "b.c = 2\n",
        '"',
        "'",
        '"""',
        "'''",
        "inf",
        "-",
        "_",
        "0x",
        "é",
        "\r",
      ),
    ),
    { maxLength: 10 },
  )
  .map((parts) => parts.join(""))
  .filter((one) => !/\{[^}]*[\n,]\s*\}|\{[^}]*\n/.test(one));

describeWithPeers(["python3"], "TOML as Python's tomllib reads it", () => {
  let tomllib: PythonOracle;
  beforeAll(() => {
    tomllib = startPythonOracle(peerPath("python3"), "tomllib-oracle.py");
  });
  afterAll(() => tomllib[Symbol.dispose]());

  it("in 1500 generated documents, each value also by the stretch of text that is told for it", async () => {
    const property = fc.asyncProperty(documents, async (toml) => {
      const document = parseToml(toml);
      expect(typed(document.values)).toEqual(await tomllib.ask(toml));
      for (const {
        path,
        value: { start, end },
      } of document.entries) {
        const alone = await tomllib.ask(`k = ${toml.slice(start, end)}`);
        expect(alone).toEqual({ table: { k: typed(tomlValueAt(document, path)!) } });
      }
    });
    await fc.assert(property, { numRuns: 1500 });
  });

  it("in 3000 texts of tokens in any order, whether refused or read", async () => {
    const seen = new Set<boolean>();
    const property = fc.asyncProperty(soup, async (toml) => {
      const document = parsed(toml);
      expect(document === undefined ? null : typed(document.values)).toEqual(await tomllib.ask(toml));
      seen.add(document === undefined);
    });
    await fc.assert(property, { numRuns: 3000 });
    expect(seen.size).toBe(2);
  });

  it.each([
    ["a line break in an inline table", "a = { b = 1,\n}", { a: { b: 1n } }],
    ["the escape \\e", 'a = "\\e"', { a: "\x1b" }],
  ])("save for what TOML 1.1 allows: %s", async (_, toml, values) => {
    expect([parseToml(toml).values, await tomllib.ask(toml)]).toEqual([values, null]);
  });

  it("after 1000 edits of generated documents, every other line as it was", async () => {
    let edits = 0;
    const property = fc.asyncProperty(documents, fc.nat(), fc.boolean(), async (toml, choice, remove) => {
      const document = parseToml(toml);
      const entry = document.entries[choice % (document.entries.length || 1)];
      const path = entry?.path ?? ["agent", "trusted_client_ca"];
      if (remove && entry === undefined) return;
      const change: TomlChange = remove ? { remove: path } : { set: path, value: "/etc/ca.crt" };
      const after = parseToml(editToml(document, [change]));
      expect(typed(after.values)).toEqual(await tomllib.ask(after.text));
      expect(tomlValueAt(after, path)).toBe(remove ? undefined : "/etc/ca.crt");
      expect(outside(after, path)).toBe(outside(document, path));
      edits++;
    });
    await fc.assert(property, { numRuns: 1000 });
    expect(edits).toBeGreaterThan(600);
  });
});

/** The text without the entry's own, and without the blanks and line breaks around it. */
function outside({ text: toml, entries: all }: TomlDocument, path: readonly (string | number)[]): string {
  const entry = all.find((one) => JSON.stringify(one.path) === JSON.stringify(path));
  const rest = entry === undefined ? toml : toml.slice(0, entry.key.start) + toml.slice(entry.value.end);
  return rest.replaceAll(/\[agent\]|\s/g, "");
}
