// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${…} must come through as it stands.
import fc from "fast-check";
import { parse as goParse } from "hcl-parser";
import { expect, it } from "vitest";
import { parseHcl } from "./parser.js";
import { quoteHcl } from "./quote.js";

it.each([
  ["/opt/a b", '"/opt/a b"'],
  ['a"b\\c\n', '"a\\"b\\\\c\\u000a"'],
  ["${HOME}/$x", '"\\u0024{HOME}/\\u0024x"'],
])("quotes %j", (text, quoted) => expect(quoteHcl(text)).toBe(quoted));

it("writes any text so that it is read back, here and by Go", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const hcl = `a = ${quoteHcl(text)}`;
      expect(parseHcl(hcl).items[0]!.value).toMatchObject({ kind: "string", value: text });
      expect(goParse(hcl)).toEqual([{ a: text }, null]);
    }),
    { numRuns: 500 },
  );
});
