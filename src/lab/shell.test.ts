import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, it } from "vitest";
import { quoted } from "./shell.js";

it("leaves an ordinary path as it is", () => {
  expect(quoted("/etc/spire/server.conf")).toBe("/etc/spire/server.conf");
});

it("gives a shell back what it was given, whatever is in it", () => {
  const text = fc
    .string({ unit: "binary", minLength: 0 })
    .filter((word) => !word.includes("\0") && Buffer.from(word).toString() === word);
  const words = fc.sample(text, 1000);
  const printed = execFileSync("/bin/sh", ["-c", `printf '%s\\0' ${words.map(quoted).join(" ")}`], {
    encoding: "utf8",
  });
  expect(printed.split("\0").slice(0, -1)).toEqual(words);
});
