import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Problem } from "../../src/core/problem.js";
import { findOption } from "../../src/formats/ini/document.js";
import { editIni, type IniChange } from "../../src/formats/ini/edit.js";
import { parseIni } from "../../src/formats/ini/parser.js";
import { describeWithPeers, peerPath } from "./support/peers.js";
import { type PythonOracle, startPythonOracle } from "./support/python-oracle.js";

type Options = Record<string, string>;
type Answer = { sections: Record<string, Options>; defaults: Options } | { error: string; lines: number[] };

function byUs(text: string): Answer {
  try {
    const { sections } = parseIni(text);
    const options = (name: string) =>
      Object.fromEntries(
        sections.filter((one) => one.name === name).flatMap((one) => one.options.map((o) => [o.name, o.value])),
      );
    const names = new Set(sections.map(({ name }) => name).filter((name) => name !== "DEFAULT"));
    return {
      sections: Object.fromEntries([...names].map((name) => [name, options(name)])),
      defaults: options("DEFAULT"),
    };
  } catch (error) {
    if (error instanceof Problem && error.code === "keylime-conf-syntax") return refusal(error);
    throw error;
  }
}

function refusal({ message, at }: Problem): Answer {
  if (message.includes("twice")) return { error: "twice", lines: [at!.line] };
  if (!message.includes("neither")) return { error: "no section", lines: [at!.line] };
  const lines = /^lines ([\d, ]+) are/.exec(message)?.[1]?.split(", ").map(Number);
  return { error: "no option", lines: lines ?? [at!.line] };
}

/** Pieces of lines; what generated lines have in common with Keylime's files, and the odd blanks of Python. */
const indent = fc.constantFrom("", "", "", "", " ", "  ", "\t", "    ", "\u00a0", "\x1c", "\ufeff");
const name = fc.constantFrom("a", "b", "Tls_Dir", "tls_dir", "trusted_client_ca", "é İ", "a b", "");
const delimiter = fc.constantFrom("=", " = ", ":", " : ", "  =", "= ", " ", "==");
const value = fc.oneof(
  fc.constantFrom("", "x", '["ca.crt"]', "# no comment", "[x]", "a = b", '"quoted"', "%(x)s", "x \x85", "; y"),
  fc.string({ unit: "binary", maxLength: 6 }).map((text) => text.replaceAll(/[\ud800-\udfff]/g, "")),
);
const header = fc.constantFrom(
  "[verifier]",
  "[revocations]",
  "[DEFAULT]",
  "[a] # c",
  "[]",
  "[x",
  "[x]]",
  "[ a ]",
  "x]",
);
const line = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(indent, name, delimiter, value).map((parts) => parts.join("")) },
  { weight: 2, arbitrary: fc.tuple(indent, header).map((parts) => parts.join("")) },
  { weight: 2, arbitrary: fc.tuple(indent, value).map((parts) => parts.join("")) },
  { weight: 1, arbitrary: fc.tuple(indent, fc.constantFrom("# a = 1", ";b", "#", "", " ")).map((p) => p.join("")) },
);
const lineEnd = fc.constantFrom("\n", "\n", "\n", "\r\n", "\r", "\n\n");
const anyText = fc.array(fc.tuple(line, lineEnd), { maxLength: 12 }).map((parts) => parts.flat().join(""));

/** Texts that configparser takes for the most part: other names in each section, no line out of place. */
const wellFormed = fc
  .array(
    fc.tuple(
      fc.array(
        fc.tuple(fc.constantFrom("=", " = ", ": "), value, fc.array(fc.tuple(indent, value), { maxLength: 3 })),
        {
          maxLength: 4,
        },
      ),
      fc.constantFrom("# comment", ";", "", "  # c", "\t"),
    ),
    { maxLength: 4 },
  )
  .map((sections) =>
    sections
      .map(([options, between], s) => {
        const lines = options.map(([sign, first, more], o) =>
          [`Option${o}${sign}${first}`, ...more.map(([blank, text]) => ` ${blank}${text}`), between].join("\n"),
        );
        return [`[section${s}]`, ...lines, ""].join("\n");
      })
      .join(""),
  );

describeWithPeers(["python3"], "INI as Python's configparser reads it", () => {
  let configparser: PythonOracle;
  beforeAll(() => {
    configparser = startPythonOracle(peerPath("python3"), "configparser-oracle.py");
  });
  afterAll(() => configparser[Symbol.dispose]());

  const agree = async (text: string): Promise<Answer> => {
    const ours = byUs(text);
    expect(ours).toEqual(await configparser.ask(text));
    return ours;
  };

  it.each([
    ["a value that swallows an indented section", "[verifier]\na = 1\n  [registrar]\n b = 2\n"],
    ["a comment inside a value", "[a]\nb = [\n# x\n  1,\n\n  2]\n\n\n"],
    ["a byte order mark", "\ufeff[a]\nb = 1\n"],
    ["no section", "# a\n\nb = 1\n"],
    ["an option twice in different case", "[a]\nTLS_dir = 1\ntls_DIR = 2\n"],
    ["a section twice", "[a]\n[b]\n[a]\n"],
    ["DEFAULT twice", "[DEFAULT]\na = 1\n[b]\n[DEFAULT]\nb = 1\n"],
    ["an option of DEFAULT twice", "[DEFAULT]\na = 1\n[b]\n[DEFAULT]\na = 1\n"],
    ["bogus lines, and an option twice behind them", "[a]\nx\ny\nb = 1\nb = 2\n"],
    ["bogus lines", "[a]\nx\nb = 1\ny\n= z\n"],
    ["nameless options", "[a]\n= 1\n= 2\n"],
    ["no inline comment", '[a]\nb = ["ca.crt"]  # c\nc = x ; y\n'],
    ["options that look like sections", "[a\n[b]\n[c = 1\n"],
  ])("%s", async (_, text) => {
    await agree(text);
  });

  it("in 3000 generated texts of any lines, with the same lines in its errors", async () => {
    const answers = new Set<string>();
    const property = fc.asyncProperty(anyText, async (text) => {
      const answer = await agree(text);
      answers.add("error" in answer ? answer.error : "read");
    });
    await fc.assert(property, { numRuns: 3000 });
    expect([...answers].sort()).toEqual(["no option", "no section", "read", "twice"]);
  });

  it("in 2000 generated texts that are well-formed for the most part", async () => {
    let taken = 0;
    const property = fc.asyncProperty(wellFormed, async (text) => {
      if ("sections" in (await agree(text))) taken++;
    });
    await fc.assert(property, { numRuns: 2000 });
    expect(taken).toBeGreaterThan(1500);
  });

  it("after 1500 edits of generated texts, whose other lines stay as they were", async () => {
    const newValue = fc.constantFrom("", "x", '["ca.crt"]', "# y");
    const options = fc.constantFrom("Option0", "option1", "option2", "new_one");
    let edits = 0;
    const property = fc.asyncProperty(
      wellFormed,
      options,
      newValue,
      fc.boolean(),
      async (text, option, value, remove) => {
        const before = byUs(text);
        if (!("sections" in before) || before.sections.section0 === undefined) return;
        if (remove && before.sections.section0[option.toLowerCase()] === undefined) return;
        const change: IniChange = remove
          ? { remove: option, section: "section0" }
          : { set: option, section: "section0", value };
        const document = parseIni(text);
        const lines = findOption(document, "section0", option)?.valueLines.map((span) => span.line) ?? [];
        const after = editIni(document, [change]);

        const { [option.toLowerCase()]: _, ...others } = before.sections.section0;
        const section0 = remove ? others : { ...others, [option.toLowerCase()]: value };
        expect(await configparser.ask(after)).toEqual({ ...before, sections: { ...before.sections, section0 } });
        const kept = text.split("\n").filter((_, index) => !lines.includes(index + 1));
        const left = after.split("\n");
        if (remove) expect(left).toEqual(kept);
        else
          expect(
            left.toSpliced(
              left.findIndex((line, index) => line !== kept[index]),
              1,
            ),
          ).toEqual(kept);
        edits++;
      },
    );
    await fc.assert(property, { numRuns: 2000 });
    expect(edits).toBeGreaterThan(700);
  });
});
