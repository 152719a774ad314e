// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${…} is HCL here, to be read as it stands.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Problem, problemLine } from "../../core/problem.js";
import type { HclItem, HclValue } from "./document.js";
import { type ParseHclOptions, parseHcl } from "./parser.js";

const serverConf = `# SPIRE server\r
server {
  bind_port = "8081" // as text
  ca_subject { country = ["US"], organization = ["SPIFFE",], }
  "trust_domain" = "example.org"
}

plugins {
  /* the node
     attestor */
  NodeAttestor "keylime" {
    plugin_cmd = "/opt/\${NAME}"
    plugin_data {
      keylime_verifier_port = 8881
      motd = <<-EOF
        hello
        EOF
    }
  }
}
`;

const agentJson = `{
  "agent": { "data_dir": "./data", "retry": true, "n": [1, -2.5e1, "x", null, false] }
}`;

function problemOf(text: string, options?: ParseHclOptions): string {
  try {
    parseHcl(text, options);
  } catch (error) {
    if (error instanceof Problem) return problemLine(error);
    throw error;
  }
  return "accepted";
}

function joined(text: string, options?: ParseHclOptions): string {
  return parseHcl(text, options)
    .tokens.map(({ start, end }) => text.slice(start, end))
    .join("");
}

/** Every key with its place and what the spans of key and value cut out of the text. */
function outline(text: string, items: readonly HclItem[]): string[] {
  return items.flatMap(({ keys, value }) => [
    ...keys.map(({ name, span }) => `${span.line}:${span.column} ${name} = ${text.slice(span.start, span.end)}`),
    ...outlineValue(text, value),
  ]);
}

function outlineValue(text: string, value: HclValue): string[] {
  if (value.kind === "object") return outline(text, value.items);
  if (value.kind === "list") return value.items.flatMap((item) => outlineValue(text, item));
  return [`${value.span.line}:${value.span.column} ${JSON.stringify(text.slice(value.span.start, value.span.end))}`];
}

describe("parseHcl", () => {
  it("says where every key, label and value stands", () => {
    expect(outline(serverConf, parseHcl(serverConf).items)).toEqual([
      "2:1 server = server",
      "3:3 bind_port = bind_port",
      '3:15 "\\"8081\\""',
      "4:3 ca_subject = ca_subject",
      "4:16 country = country",
      '4:27 "\\"US\\""',
      "4:34 organization = organization",
      '4:50 "\\"SPIFFE\\""',
      '5:3 trust_domain = "trust_domain"',
      '5:20 "\\"example.org\\""',
      "8:1 plugins = plugins",
      "11:3 NodeAttestor = NodeAttestor",
      '11:16 keylime = "keylime"',
      "12:5 plugin_cmd = plugin_cmd",
      '12:18 "\\"/opt/${NAME}\\""',
      "13:5 plugin_data = plugin_data",
      "14:7 keylime_verifier_port = keylime_verifier_port",
      '14:31 "8881"',
      "15:7 motd = motd",
      '15:14 "<<-EOF\\n        hello\\n        EOF\\n"',
    ]);
  });

  it("says where everything stands in JSON too", () => {
    expect(outline(agentJson, parseHcl(agentJson).items)).toEqual([
      '2:3 agent = "agent"',
      '2:14 data_dir = "data_dir"',
      '2:26 "\\"./data\\""',
      '2:36 retry = "retry"',
      '2:45 "true"',
      '2:51 n = "n"',
      '2:57 "1"',
      '2:60 "-2.5e1"',
      '2:68 "\\"x\\""',
      '2:73 "null"',
      '2:79 "false"',
    ]);
  });

  it("counts columns in UTF-16 units", () => {
    expect(outline("/*😀é*/ a=1", parseHcl("/*😀é*/ a=1").items)).toEqual(["1:9 a = a", '1:11 "1"']);
  });

  it.each([
    ["a file", serverConf],
    ["CRLF", serverConf.replaceAll("\n", "\r\n")],
    ["JSON", agentJson],
  ])("keeps every character of the text in its tokens: %s", (_, text) => expect(joined(text)).toBe(text));

  it("takes what SPIRE prints of JSON's null, only when told so", () => {
    const text = '"a" = \n\n"b" = "c"\n\n"d" = {\n  "e" = \n}\n\n"f" = ';
    const kinds = parseHcl(text, { printedBySpire: true }).items.map(({ keys, value }) => [keys[0].name, value.kind]);
    expect(kinds).toEqual([
      ["a", "null"],
      ["b", "string"],
      ["d", "object"],
      ["f", "null"],
    ]);
    expect(problemOf(text)).toMatch(/^\[spire-conf-syntax\] expected a key, found = \(line 3, column 5\)/);
  });

  it("takes a heredoc at the end without its last line break, only when told so", () => {
    const text = "a = <<EOF\nx\nEOF";
    const [item] = parseHcl(text, { printedBySpire: true }).items;
    expect(item!.value).toMatchObject({ kind: "string", value: "x\n", heredoc: true });
    expect(joined(text, { printedBySpire: true })).toBe(text);
    expect(problemOf(text)).toMatch(/heredoc <<EOF is not terminated/);
  });

  it.each([
    ["a = 'x'", `illegal character "'" (U+0027) (s.conf:1:5); put strings in double quotes: "`],
    ["a: 1", `illegal character ":" (U+003A) (s.conf:1:2); write = between key and value`],
    ["\uFEFFa = 1", "illegal character U+FEFF (s.conf:1:1); save the file without a byte order mark"],
    ["a = “x”", `illegal character "“" (U+201C) (s.conf:1:5); use straight quotes: "`],
    ["a = null", "expected a value, found null (s.conf:1:5); put strings in double quotes"],
    ['\na "b" = 1', "expected { after labels, found = (s.conf:2:7); a labelled block is written without ="],
    [
      "a {\n b = 1\n",
      "expected } or a key, found the end of the text (s.conf:3:1); the block opened at line 1, column 3 is not closed",
    ],
    [
      "a = [1 2]",
      "expected , or ] in the list, found 2 (s.conf:1:8); the list opened at line 1, column 5 is not closed here",
    ],
    ['a = "x\n"', 'string is not terminated on its line (s.conf:1:5); close it with "'],
    ['a = "C:\\dir"', 'illegal escape: \\ followed by "d" (U+0064) (s.conf:1:8); write a backslash as \\\\'],
    ["a", 'expected = or { after key "a", found the end of the text (s.conf:1:2)'],
    [
      '{"a":1',
      "expected } or a key, found the end of the text (s.conf:1:7); the block opened at line 1, column 1 is not closed",
    ],
    [
      "a = <<-EOF\nx\nEOF\n",
      "heredoc <<-EOF is not terminated (s.conf:1:5); end it with an indented line that holds EOF only, followed by a line break",
    ],
    ["a = \uD800", "illegal character U+D800 (s.conf:1:5)"],
  ])("explains %j", (text, expected) => {
    expect(problemOf(text, { file: "s.conf" })).toBe(`[spire-conf-syntax] ${expected}`);
  });

  it.each([
    ["nesting", "a {".repeat(100_000)],
    ["nested lists", `a = ${"[".repeat(100_000)}`],
    ["JSON nesting", '{"a":'.repeat(100_000)],
    ["length", " ".repeat(5_000_000)],
    ["digits", `a = ${"1".repeat(1_000_000)}`],
    ["open interpolations", `a = "${"${".repeat(500_000)}`],
    ["open comments", "/*".repeat(1_000_000)],
    ["heredocs that do not end", "a = <<A\n".repeat(20_000)],
    ["spaces", `a = 1${" ".repeat(1_000_000)}é é`],
  ])("refuses too much of %s, soon", (_, text) => {
    const start = performance.now();
    expect(problemOf(text)).toMatch(/^\[spire-conf-syntax\] /);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it.each([
    ["HCL", serverConf],
    ["JSON", agentJson],
  ])("accepts or explains %s cut at every byte", (_, text) => {
    const bytes = Buffer.from(text);
    for (let length = 0; length < bytes.length; length++) {
      expect(problemOf(bytes.subarray(0, length).toString())).toMatch(/^(accepted|\[spire-conf-syntax\] )/);
    }
  });

  it("accepts or explains every mutation, and keeps the text of what it accepts", () => {
    const mutation = fc.tuple(
      fc.constantFrom(serverConf, agentJson),
      fc.nat(serverConf.length),
      fc.nat(3),
      fc.oneof(
        fc.string({ unit: "binary", maxLength: 2 }),
        fc.constantFrom('"', "{", "}", "<<E\n", "\\", "${", "*/", "\r", ","),
      ),
      fc.boolean(),
    );
    fc.assert(
      fc.property(mutation, ([original, at, removed, inserted, printedBySpire]) => {
        const text = original.slice(0, at) + inserted + original.slice(at + removed);
        const outcome = problemOf(text, { printedBySpire });
        expect(outcome).toMatch(/^(accepted|\[spire-conf-syntax\] )/);
        if (outcome === "accepted") expect(joined(text, { printedBySpire })).toBe(text);
      }),
      { numRuns: 3000 },
    );
  });
});
