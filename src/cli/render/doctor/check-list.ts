import { type Check, families } from "../../../doctor/checks/check.js";
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
