import { describe, expect, it } from "vitest";
import { parseTpmPolicy } from "./tpm-policy.js";

describe("parseTpmPolicy", () => {
  it("keeps the mask as written and numbers the PCRs", () => {
    expect(parseTpmPolicy('{"mask": "0x408000", "22": ["00", "ff"], "15": "aa"}')).toEqual({
      mask: "0x408000",
      allowed: new Map([
        [15, ["aa"]],
        [22, ["00", "ff"]],
      ]),
    });
  });

  it.each([
    ["no JSON", "x", /JSON/],
    ["a list", "[]", /no object/],
    ["no mask", "{}", /'mask'/],
    ["null, which is no Python", '{"mask": "0x1", "a": null}', /malformed node/],
    ["true, which is no Python", '{"mask": "0x1", "1": [true]}', /malformed node/],
    ["a PCR that is no number", '{"mask": "0x1", "x": []}', /invalid literal for int/],
  ])("refuses %s", (_what, text, message) => {
    expect(() => parseTpmPolicy(text)).toThrow(message);
  });
});
