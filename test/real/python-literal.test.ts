import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parsePythonLiteral } from "../../src/formats/python/literal.js";
import { LiteralError } from "../../src/formats/python/literal-error.js";
import { describeWithPeers, peerPath } from "./support/peers.js";
import { type PythonOracle, startPythonOracle } from "./support/python-oracle.js";

function byUs(text: string): unknown {
  try {
    return parsePythonLiteral(text);
  } catch (error) {
    if (error instanceof LiteralError) return null;
    throw error;
  }
}

const plain = fc.stringMatching(/^[ -!#-&(-[\]-~é€😀]{0,8}$/u);
const string = fc.oneof(
  fc.tuple(fc.constantFrom("", "r", "u", "R", "b", "Rb"), plain).map(([prefix, text]) => `${prefix}"${text}"`),
  plain.map((text) => `'${text}'`),
  fc.constantFrom(
    '"a\\n\\x41\\101\\u00e9\\q"',
    '"""a\n"b"""',
    "'''x'''",
    "\"a\" 'b'",
    'r"\\"',
    'b"a"',
    '"“"',
    '"\\\n"',
  ),
);
const scalar = fc.oneof(
  { weight: 4, arbitrary: string },
  {
    weight: 1,
    arbitrary: fc.constantFrom("1", "-1.5e3", "0x1f", "1_0", "1j", "01", "00", "True", "None", "+ 1", ".5", "1."),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "ca.crt",
      "/etc/ca.crt",
      "“ca.crt”",
      "all",
      "f'x'",
      "",
      "x = 1",
      "{1}",
      "{'a': 1,}",
      "{}",
      "{1: 2, 3}",
    ),
  },
);
const gap = fc.constantFrom("", "", " ", "\n", "  # c ]\n", "\t");
const { value } = fc.letrec<{ value: string; list: string }>((tie) => ({
  value: fc.oneof({ maxDepth: 2, withCrossShrink: true }, scalar, tie("list")),
  list: fc
    .tuple(
      fc.array(fc.tuple(gap, tie("value"), gap), { maxLength: 3 }),
      fc.constantFrom("[]", "[]", "[]", "()", "[", "[)"),
      fc.constantFrom("", "", ",", ", ,"),
      fc.constantFrom(",", ",", " "),
    )
    .map(
      ([items, ends, last, sign]) => `${ends[0]}${items.map((one) => one.join("")).join(sign)}${last}${ends[1] ?? ""}`,
    ),
}));
const texts = fc
  .tuple(
    fc.constantFrom("", " ", "\t", "\n"),
    value!,
    fc.constantFrom("", "  # Currently commented out", "\n", " x", ","),
  )
  .map((parts) => parts.join(""))
  // Python's tokenizer refuses blanks on a last line of their own; INI values have none there.
  .filter((text) => !/\n[ \t]+$/.test(text));
const soup = fc
  .array(fc.constantFrom("[", "]", "(", ")", ",", ":", " ", "\n", '"a"', "'b'", "1", "-", "#", "True", "x", '"', "."), {
    maxLength: 8,
  })
  .map((parts) => parts.join(""))
  .filter((text) => !/\n[ \t]+$/.test(text));

describeWithPeers(["python3"], "lists as Python's ast.literal_eval reads them", () => {
  let python: PythonOracle;
  beforeAll(() => {
    python = startPythonOracle(peerPath("python3"), "literal-oracle.py");
  });
  afterAll(() => python[Symbol.dispose]());

  it.each([
    ["3000 generated literals", texts, 3000],
    ["3000 texts of tokens in any order", soup, 3000],
  ])("%s", async (_, arbitrary, numRuns) => {
    const seen = new Set<string>();
    const property = fc.asyncProperty(arbitrary, async (text) => {
      const ours = byUs(text);
      expect(ours).toEqual(await python.ask(text));
      seen.add((ours as { kind: string } | null)?.kind ?? "refused");
    });
    await fc.assert(property, { numRuns });
    expect([...seen]).toEqual(expect.arrayContaining(["list", "string", "refused", "tuple"]));
  });
});
