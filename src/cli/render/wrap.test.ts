import { expect, it } from "vitest";
import { wrapped } from "./wrap.js";

const word = "x".repeat(50);

it("breaks at blanks before column 110 and indents what follows", () => {
  expect(wrapped(`${word} ${word} ${word}`, " - ", "   ")).toEqual([` - ${word} ${word}`, `   ${word}`]);
});

it("lets a word that is longer than a line stand whole on a line of its own", () => {
  expect(wrapped(`a ${word.repeat(3)} b`, "> ", "  ")).toEqual(["> a", `  ${word.repeat(3)}`, "  b"]);
});

it("keeps a text that fits, whatever blanks are in it", () => {
  expect(wrapped("a  b ", "", "")).toEqual(["a  b "]);
});
