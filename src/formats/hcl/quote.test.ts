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
  // Go's parser is slow to call, so it gets many at a time.
  const texts = fc.array(fc.string({ unit: "binary" }), { minLength: 20, maxLength: 40 });
  fc.assert(
    fc.property(texts, (all) => {
      const written = Object.fromEntries(all.map((text, index) => [`k${index}`, text]));
      const hcl = Object.entries(written).map(([key, text]) => `${key} = ${quoteHcl(text)}`);
      const read = parseHcl(hcl.join("\n")).items.map(({ value }) => value);
      expect(read).toMatchObject(all.map((value) => ({ kind: "string", value })));
      expect(goParse(hcl.join("\n"))).toEqual([written, null]);
    }),
    { numRuns: 30 },
  );
});
