import { expect, it } from "vitest";
import { chainDrawing } from "./chain-drawing.js";

const textsOf = (svg: string) => [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);

it("draws a box for each certificate, the leaf on top, and a dashed one for what is missing", () => {
  const { text } = chainDrawing({
    told: "CN=leaf, issued by CN=Root",
    certificates: [
      { name: "CN=leaf", detail: "until 2027" },
      { name: "CN=Root", detail: "not sent", isMissing: true },
    ],
  });
  expect([...text.matchAll(/<rect class="(\w+)"/g)].map(([, kind]) => kind)).toEqual(["there", "missing"]);
  expect(textsOf(text)).toEqual(["CN=leaf", "until 2027", "issued by", "CN=Root", "not sent"]);
  expect(text).toMatch(/^<svg class="chain" role="img" aria-label="CN=leaf, issued by CN=Root" viewBox="0 0 340 \d+"/);
});

it("breaks long names into lines that fit, and cuts what would fill the page", () => {
  const { text } = chainDrawing({
    told: "",
    certificates: [{ name: `CN=${"x".repeat(300)}, O=Funlab Casa Tower of Omens`, detail: "" }],
  });
  const lines = textsOf(text).filter((line) => line !== "");
  expect(lines).toHaveLength(4);
  expect(Math.max(...lines.map((line) => line!.length))).toBeLessThanOrEqual(40);
  expect(lines[3]).toMatch(/ …$/);
});

it("escapes names, and draws nothing for an empty chain", () => {
  const { text } = chainDrawing({ told: '"><script>', certificates: [{ name: "</text><script>", detail: "a" }] });
  expect(text).not.toContain("<script>");
  expect(chainDrawing({ told: "", certificates: [] }).text).toContain('viewBox="0 0 340 2"');
});
