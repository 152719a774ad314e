// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${…} is HCL here, to be read as it stands.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bareKey, hclDocuments, hclPlain } from "../../../test/support/hcl-documents.js";
import { byGo, rejected, repeatsAKey } from "../../../test/support/hcl-oracle.js";
import { Problem } from "../../core/problem.js";
import type { HclItem, HclValue } from "./document.js";
import { parseHcl } from "./parser.js";

function byUs(text: string): unknown {
  try {
    return goMap(parseHcl(text).items);
  } catch (error) {
    if (error instanceof Problem && error.code === "spire-conf-syntax") return rejected;
    throw error;
  }
}

/** What Go's decoder makes of a document when it may choose the types: objects under a key become lists of maps. */
function goMap(items: readonly HclItem[]): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  for (const { keys, value } of items) {
    const [{ name }, ...labels] = keys;
    const found = goUnderLabels(
      labels.map((label) => label.name),
      value,
    );
    if (found === undefined) continue;
    const before = map[name];
    map[name] = Array.isArray(before) && Array.isArray(found) ? [...before, ...found] : found;
  }
  return map;
}

function goUnderLabels([label, ...rest]: string[], value: HclValue): unknown {
  return label === undefined ? goValue(value) : [{ [label]: goUnderLabels(rest, value) }];
}

function goValue(value: HclValue): unknown {
  switch (value.kind) {
    case "null":
      return undefined;
    case "object":
      return [goMap(value.items)];
    case "list":
      return value.items.map((item) => (item.kind === "object" ? goMap(item.items) : goValue(item)));
    default:
      return value.value;
  }
}

const accepted: Record<string, string> = {
  "blocks with labels, repeated": 'a "b" "c" {d=1}\na "b" "e" {d=2}\nplugins { N "x" {} N "y" { plugin_data {} } }',
  "blocks without labels, repeated": "a {b=1}\na {b=2}\nca_subject {}\nca_subject = {}",
  "one key twice": 'a = 1\na = 2\nb = "x"\nb = "y"',
  "quoted keys": '"a" = "b"\n"c d" { "e" = 1 }\n"" = 2',
  "unusual keys": "b-c.d_e = 1\né = 2\n_x = 3",
  comments: "# a\n// b\n/* c\n */ a = 1 # d\n/**/ b = /* e */ 2 // f",
  "commas between items": "a=1,b=2\nx { a = 1 , b = 2, }",
  "no space anywhere": 'a=1b=2c="x"d{}',
  "CRLF line ends": "a = 1\r\nb = <<EOF\r\nx\r\n y\r\nEOF\r\nc = [\r\n1,\r\n]\r\n",
  "lone carriage returns": 'a=1\rb="x\ry"',
  integers: "a=0\nb=00\nc=-5\nd=012\ne=0x1f\nf=-0x1F\ng=-012",
  floats: "a=1.\nb=.5\nc=1.5e3\nd=1.e3\ne=0e5\nf=09.5\ng=-1.25e-2\nh=1E+2",
  lists: 'a=[]\nb=[1,"x",true,1.5,]\nc=[,]\nd=[,,1]\ne=[{b=1},{b=2}]\nf=[[1],[2]]\ng=[[1] [2]]\nh=[<<EOF\nx\nEOF\n,2]',
  "comment behind a leading comma": "a=[, # c\n]",
  escapes: String.raw`a="\a\b\f\n\r\t\v\\\"" b="\x41\101\u00e9\U0001F600" c="\xc3\xa9" d="\uD800"`,
  interpolation: 'a="${x}" b="$${x}" c="${"x"}" d="${ {"a":"b"} }" e="${\nx}" f="x$" g="\\x24{" h="${\\"x\\"}" i="$ {"',
  heredocs: "a=<<EOF\nx\nEOF\nb=<<EOF\nEOF\nc=<<EOF\nfoo\n  EOF\nd=<<É1_\n\nÉ1_\n",
  "indented heredocs": "a=<<-EOF\n  foo\n EOF\nb=<<-EOF\n\tx\n\n\tEOF\nc=<<-EOF\n  EOF\nd=<<-EOF\n  a\nb\n  EOF\n",
  "a value cut off at the top level": 'a = 1\n"b" = ',
  "a value cut off behind a comment": "a = # x",
  "the empty text": "",
  "spaces and a comment only": " \n# x",
  JSON: '{"a":1.5,"b":-1,"c":"x\ty","d":[1,"x",{"y":{}}],"e":true,"f":"${\\"x\\"}","g":{"h":"i"}, "j":"\\u00e9",}',
};

const refused: Record<string, string> = {
  "single quotes": "a='x'",
  "a colon": "a: 1",
  "a bare word": "a = b",
  "HCL null": "a = null",
  "a byte order mark": "\uFEFFa = 1",
  "a byte order mark before JSON": '\uFEFF{"a":1}',
  "a line break in a string": 'a="x\ny"',
  "an escaped line break": 'a="x\\\ny"',
  "an unknown escape": String.raw`a="\q"`,
  "an escaped single quote": String.raw`a="\'"`,
  "an unknown escape inside ${}": 'a="${\\q}"',
  "short escapes": String.raw`a="\1"`,
  "short hexadecimal escapes": String.raw`a="\x1"`,
  "octal beyond a byte": String.raw`a="\777"`,
  "an open string": 'a="x',
  "an open interpolation": 'a="${x"',
  "U+FFFD inside ${}": 'a="${\uFFFD}"',
  "a missing comma in a list": "a=[1 2]",
  "a missing comma between objects": "a=[{b=1}{b=2}]",
  "an open list": "a=[1,",
  "an open block": "x{",
  "a value cut off in a block": "x { a = ",
  "a value left out in a block": "x { a = \n }",
  "a value left out": '"a" = \n\n"b" = "c"',
  "a key alone": "a",
  "a key alone in a block": "a{b}",
  "labels before =": 'a "b" = 1',
  "two commas": "a=1,,b=2",
  "a leading comma": ",a=1",
  "a closing brace too many": "a=1}",
  "a wrong bracket": "a = { b = 1 ]",
  "a boolean as key": "true=1",
  "a number as key": "1=1",
  "a block without a name": "x {} {}",
  "a sign alone": "a=-",
  "a plus sign": "a=+5",
  "no octal": "a=08",
  "no hexadecimal": "a=0x",
  "an exponent without digits": "a=1e",
  "an exponent without integer part": "a=.5e3",
  "a float out of range": "a=1e999",
  "an integer out of range": "a=9223372036854775808",
  "a semicolon": "a=1;",
  "a slash": "a=1 /x",
  "an open comment": "/*/ a=1",
  "NUL in a comment": "a=1 #\0",
  "U+E123": 'a="\uE123"',
  "a no-break space": "a=\u00A01",
  "a heredoc without line break at its end": "a=<<EOF\nx\nEOF",
  "an indented heredoc closed without indentation": "a=<<-EOF\nfoo\nEOF\n",
  "a heredoc without anchor": "a=<<\nx\n\n",
  "an indented heredoc without anchor": "a=<<-\nx\n \n",
  "a heredoc's anchor with a space": "a=<<E F\nx\nE F\n",
  "a slash escaped in JSON": '{"a":"\\/"}',
  "a comment in JSON": '{"a":1 # x\n}',
  "a leading zero in JSON": '{"a":01}',
  "a list of null in JSON's neighbour HCL": "a=[null]",
};

describe("agreement with hashicorp/hcl 1", () => {
  it.each(Object.entries(accepted))("accepts and reads alike: %s", (_, text) => {
    expect(byGo(text)).not.toBe(rejected);
    expect(byUs(text)).toEqual(byGo(text));
  });

  it.each(Object.entries(refused))("refuses alike: %s", (_, text) => {
    expect(byGo(text)).toBe(rejected);
    expect(byUs(text)).toBe(rejected);
  });
});

describe("accepted differences from hashicorp/hcl 1", () => {
  it("reads 64-bit integers, which the oracle's JavaScript build cannot", () => {
    expect([byUs("a=99999999999"), byGo("a=99999999999")]).toEqual([{ a: 99999999999 }, rejected]);
  });

  it.each([
    ["bytes that are no UTF-8, where Go would hand on a broken string", String.raw`a="\xff"`, { a: "\uFFFD" }],
    ["code points beyond Unicode, where Go's number overflows", String.raw`a="\UFFFFFFFF"`, { a: "\uFFFD" }],
    ["JSON that is cut off, where Go drops the rest unseen", '{"a":1', { a: 1 }],
    ["JSON without a comma, where Go drops the rest unseen", '{"a":1 "b":2}', { a: 1 }],
    ["text behind JSON, where Go drops it unseen", '{"a":1} x', { a: 1 }],
    ["JSON lists without commas", '{"a":[1 2]}', { a: [1, 2] }],
    ["half a surrogate pair in JSON, where Go 1.20 and newer panics", '{"a":"\\ud83d"}', { a: "\uFFFD" }],
  ])("refuses %s", (_, text, go) => {
    expect([byUs(text), byGo(text)]).toEqual([rejected, go]);
  });

  it("keeps JSON's null apart, where Go makes it an empty string when it may choose the type", () => {
    expect([byUs('{"a":null}'), byGo('{"a":null}')]).toEqual([{}, { a: "" }]);
  });

  it("keeps booleans and lists inside JSON lists, which Go drops", () => {
    expect([byUs('{"a":[true,1]}'), byGo('{"a":[true,1]}')]).toEqual([{ a: [true, 1] }, { a: [1] }]);
  });

  it("closes a heredoc before a line of its anchor and two carriage returns, where Go's value takes in the anchor's start", () => {
    const text = "a=<<EOF\nx\nEOF\r\r\n";
    expect([byUs(text), byGo(text)]).toEqual([{ a: "x\n" }, { a: "x\nE" }]);
  });
});

/** The comparison of one generated text; says whether it was accepted. */
function agree(text: string): boolean {
  const ours = byUs(text);
  if (ours !== rejected && repeatsAKey(parseHcl(text).items)) return true;
  expect(ours).toEqual(byGo(text));
  return ours !== rejected;
}

// The oracle takes some milliseconds a document, several times that on a busy machine.
describe("generated documents", { timeout: 180_000 }, () => {
  it("are read alike, 2000 of them well-formed for the most part", () => {
    let accepted = 0;
    fc.assert(
      fc.property(hclDocuments, (text) => {
        if (agree(text)) accepted++;
      }),
      { numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThan(1500);
  });

  it("are refused alike when they are tokens in any order", () => {
    const soup = fc.oneof(
      fc.constantFrom(
        "{",
        "}",
        "[",
        "]",
        ",",
        "=",
        " ",
        "\n",
        "a",
        "b",
        '"k"',
        "1",
        "2.5",
        "true",
        "-",
        ".",
        "#\n",
        "/*",
        "*/",
      ),
      fc.constantFrom(
        "<<E\nx\nE\n",
        "<<-E\n x\n E\n",
        '"',
        "${",
        "\\",
        "<",
        "\r\n",
        "0x",
        "e5",
        "é",
        "null",
        '"${"x"}"',
      ),
    );
    fc.assert(
      fc.property(fc.array(soup, { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        if (!/^\s*\{/.test(text)) agree(text);
      }),
      { numRuns: 4000 },
    );
  });

  it("are read alike as JSON", () => {
    const leaf = fc.oneof(fc.integer(), fc.boolean(), hclPlain);
    const object = fc.dictionary(bareKey, fc.oneof(leaf, fc.array(fc.oneof(fc.integer(), hclPlain), { maxLength: 3 })));
    fc.assert(
      fc.property(object, fc.constantFrom(undefined, 2), (value, indent) => {
        expect(agree(JSON.stringify(value, null, indent))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
