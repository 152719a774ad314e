import { type FaultId, faults } from "../../../faults/faults.js";
import type { Style } from "../style.js";
import { pageText } from "./page-text.js";

/** What a fault is and what mends it: its page, which the build puts into the executable; the table's words without. */
export function explanationText(id: FaultId, style: Style, page = packedPage(id)): string {
  const { title, stage, advice } = faults[id];
  const head = `${style.heading(id)}: ${title}`;
  const blocks = stage === "hygiene" ? "nothing; it weakens the set-up" : `the stage "${stage}" of an attestation`;
  const table = [`  blocks  ${blocks}`, `  fix     ${advice}`, `  page    docs/faults/${id}.md`].join("\n");
  return [head, table, ...(page === undefined ? [] : [pageText(partsOf(page), style)]), ""]
    .join("\n\n")
    .replace(/\n+$/, "\n");
}

/** Without the title and the line of words and stage, which stand above. */
function partsOf(page: string): string {
  return page.slice(Math.max(0, page.indexOf("\n## ")));
}

function packedPage(id: FaultId): string | undefined {
  const packed = process.env.SPIRE_KEYLIME_FAULT_PAGES;
  return packed === undefined ? undefined : (JSON.parse(packed) as Partial<Record<FaultId, string>>)[id];
}
