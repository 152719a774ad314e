import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Problem } from "../../core/problem.js";
import { type NginxDirective, parseNginx } from "./parser.js";

const braced = "{host}";
const bare = ({ name, args, block }: NginxDirective): unknown =>
  block === undefined ? [name, ...args] : [name, ...args, block.map(bare)];

describe("parseNginx", () => {
  it.each([
    [
      "directives with arguments",
      "worker_processes  1;\nevents { }",
      [
        ["worker_processes", "1"],
        ["events", []],
      ],
    ],
    ["quotes and escapes", `log_format a '"$b" {;}' "c\\"d" e\\;f;`, [["log_format", "a", '"$b" {;}', 'c"d', "e;f"]]],
    ["comments", "# a; {\na b#c; # d }\n", [["a", "b#c"]]],
    ["variables in braces", `return 301 https://$${braced};`, [["return", "301", `https://$${braced}`]]],
    ["blocks in blocks", "http{server{listen 80;}}", [["http", [["server", [["listen", "80"]]]]]]],
    ["a pattern as an argument", "location ~ \\.php$ { a; }", [["location", "~", ".php$", [["a"]]]]],
  ])("reads %s", (_, text, expected) => {
    expect(parseNginx(text).map(bare)).toEqual(expected);
  });

  it("tells the line of each directive", () => {
    const [http] = parseNginx('\nhttp {\n  a "x\ny";\n  b;\n}\n');
    expect([http!.line, ...http!.block!.map(({ line }) => line)]).toEqual([2, 3, 5]);
  });

  it.each([
    ["a b", 1, "a ; is missing at the end"],
    ["a {\nb;", 2, "a } is missing"],
    ["a;\n}", 2, "unexpected }"],
    ["a b }", 1, "unexpected }"],
    ["\n;", 2, "unexpected ;"],
    ["a 'b;\n", 1, "a quote is not closed"],
    ["a{".repeat(70), 1, "blocks are nested too deeply"],
  ])("refuses %j", (text, line, message) => {
    const { code, message: said, at } = problemOf(() => parseNginx(text));
    expect([code, said, at?.line]).toEqual(["nginx-syntax", message, line]);
  });

  it("ends in directives or a Problem, whatever it is given", () => {
    const texts = fc.array(fc.constantFrom("a", " ", ";", "{", "}", '"', "'", "\\", "#", "\n", "$", `$${braced}`, "é"));
    const property = fc.property(texts, (parts) => {
      try {
        parseNginx(parts.join(""));
      } catch (error) {
        expect(error).toBeInstanceOf(Problem);
      }
    });
    fc.assert(property, { numRuns: 5000 });
  });
});

function problemOf(action: () => unknown): Problem {
  try {
    action();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
