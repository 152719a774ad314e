// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${…} is HCL here, to be read as it stands.
import fc from "fast-check";

const space = fc.constantFrom("", "", " ", "\t", "  ");
const lineEnd = fc.constantFrom("\n", "\n", "\r\n", " # c {\n", ' // d "\n', "/* e\n */\n", "\n\n", ",\n");
export const bareKey = fc
  .stringMatching(/^[a-z_][a-zA-Z0-9_.-]{0,8}$/)
  .filter((key) => key !== "true" && key !== "false");
export const hclPlain = fc.stringMatching(/^[ -!#-[\]-~é€😀\t]{0,12}$/u).filter((text) => !text.includes("${"));
const pieces = fc.oneof(
  hclPlain,
  fc.constantFrom("\\n", '\\"', "\\\\", "\\u00e9", "\\x41", "\\101", "\\xc3\\xa9", "\\U0001F600"),
  fc.constantFrom("${x}", '${f("a", {b = "c"})}', "$", "$$", "${\\n}", "${\n}"),
);
const quoted = fc.array(pieces, { maxLength: 4 }).map((parts) => `"${parts.join("").replaceAll("${x}{", "${x}")}"`);
const numberText = fc.oneof(
  fc.integer().map(String),
  fc.integer({ min: 0, max: 0xffff }).map((number) => `0x${number.toString(16)}`),
  fc.integer({ min: 1, max: 0o777 }).map((number) => `0${number.toString(8)}`),
  fc.float({ noNaN: true, min: -1_000_000, max: 1_000_000 }).map((number) => number.toString()),
  fc.constantFrom("1.", ".25", "1.5E3", "2e-3", "-0.5"),
);
const heredoc = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.constantFrom("EOF", "X_1", "É"),
    fc.array(hclPlain, { maxLength: 3 }),
    fc.constantFrom("", " ", "\t"),
  )
  .map(([dash, anchor, lines, indent]) => {
    const body = lines.map((line) => `${indent}${line}\n`).join("");
    return `<<${dash}${anchor}\n${body}${dash === "" ? "" : indent || " "}${anchor}\n`;
  });
const scalar = fc.oneof(quoted, numberText, fc.constantFrom("true", "false"), heredoc);

interface Texts {
  value: string;
  item: string;
  items: string;
}

const { items } = fc.letrec<Texts>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    scalar,
    fc
      .tuple(fc.array(tie("value"), { maxLength: 3 }), space, fc.constantFrom("", ","))
      .map(([values, gap, last]) =>
        values.length === 0 ? `[${gap}]` : `[${gap}${values.join(`${gap},${gap}`)}${last}]`,
      ),
    tie("items").map((items) => `{${items}}`),
  ),
  item: fc.oneof(
    fc
      .tuple(
        fc.oneof(
          bareKey,
          bareKey.map((key) => `"${key}"`),
        ),
        space,
        tie("value"),
      )
      .map(([key, gap, value]) => `${key}${gap}=${gap}${value}`),
    fc.tuple(bareKey, fc.array(hclPlain, { maxLength: 2 }), tie("items")).map(
      ([key, labels, items]) =>
        // Labels by number, so that one name never has both one and two of them: Go's decoder muddles those.
        `${key}${labels.length}_${labels.map((label) => ` ${JSON.stringify(label).replaceAll("\\t", " ")}`).join("")} {\n${items}}`,
    ),
  ),
  items: fc.array(fc.tuple(space, tie("item"), lineEnd), { maxLength: 3 }).map((parts) => parts.flat().join("")),
}));

/** Generated HCL 1, well-formed for the most part. */
export const hclDocuments = items!;
