import { type Check, families } from "../../../doctor/checks/check.js";
import { type FaultId, faults } from "../../../faults/faults.js";
import type { Style } from "../style.js";
import { familyTitles } from "./family-titles.js";

/** Every check by category: its id, and the sentence that is true when it finds nothing. */
export function checkListText(checks: readonly Check[], style: Style): string {
  const width = Math.max(0, ...checks.map(({ id }) => id.length));
  const blocks = families.flatMap((family) => {
    const lines = checks
      .filter((check) => check.family === family)
      .map(({ id, title }) => `  ${id.padEnd(width)}  ${title}`);
    return lines.length === 0 ? [] : [[style.heading(familyTitles[family]), ...lines].join("\n")];
  });
  return `${blocks.join("\n\n")}\n`;
}

/** What a fault is and what mends it. */
export function explanationText(id: FaultId, style: Style): string {
  const { title, stage, advice } = faults[id];
  return [
    `${style.heading(id)}: ${title}`,
    "",
    `  blocks  ${stage === "hygiene" ? "nothing; it weakens the set-up" : `the stage "${stage}" of an attestation`}`,
    `  fix     ${advice}`,
    `  page    docs/faults/${id}.md`,
    "",
  ].join("\n");
}
