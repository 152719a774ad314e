import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type FaultId, faults } from "../../../faults/faults.js";
import { styleFor } from "../style.js";
import { explanationText } from "./explanation.js";

const style = styleFor({ colour: false });
const page = (id: FaultId) => readFileSync(new URL(`../../../../docs/faults/${id}.md`, import.meta.url), "utf8");

describe("explanationText", () => {
  it("tells the table's words and the page behind them", () => {
    const markdown =
      "# x\n\nWords.\n\n## What it is\n\nOne [two](two.md)\nthree.\n\n- a\n  b\n- c\n\n```console\n$ ls | x\n\n  y\n```\n";
    expect(explanationText("cert-order", style, markdown)).toBe(
      [
        "cert-order: the certificate file does not start with the leaf",
        "",
        '  blocks  the stage "handshake" of an attestation',
        "  fix     put the leaf first, then each issuer in turn",
        "  page    docs/faults/cert-order.md",
        "",
        "What it is",
        "",
        "  One two three.",
        "",
        "  - a b",
        "  - c",
        "",
        "    $ ls | x",
        "",
        "      y",
        "",
      ].join("\n"),
    );
  });

  it.each(Object.keys(faults) as FaultId[])("leaves nothing of %s out, and no mark-up in", (id) => {
    const text = explanationText(id, style, page(id));
    expect(text.split("\n").filter((line) => /^(#|```)|\]\(/.test(line))).toEqual([]);
    const commands = page(id)
      .split("\n")
      .filter((line) => line.startsWith("$ "));
    for (const command of commands) expect(text).toContain(`    ${command}`);
  });
});
