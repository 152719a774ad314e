import type { Style } from "../style.js";
import { wrapped } from "../wrap.js";

/** Markdown as the pages of docs/faults use it (headings, paragraphs, lists, tables, fenced commands), for a terminal. */
export function pageText(markdown: string, style: Style): string {
  const blocks = markdown
    .split(/^(```[^\n]*\n[\s\S]*?^```)$/m)
    .flatMap((part) =>
      part.startsWith("```") ? [fenced(part)] : part.split(/\n{2,}/).flatMap((block) => written(block.trim(), style)),
    );
  return blocks.join("\n\n");
}

/** To be copied as it stands. */
function fenced(block: string): string {
  return block
    .split("\n")
    .slice(1, -1)
    .map((line) => `    ${line}`.trimEnd())
    .join("\n");
}

function written(block: string, style: Style): string[] {
  if (block === "") return [];
  const heading = /^#+ (.*)/.exec(block)?.[1];
  if (heading !== undefined) return [style.heading(plain(heading))];
  if (block.startsWith("|")) return [plain(block).replaceAll(/^/gm, "  ")];
  const items = block.split(/^(?=- |\d+\. )/m);
  return [items.flatMap((item) => paragraph(plain(item.replaceAll(/\s*\n\s*/g, " ").trim()))).join("\n")];
}

function paragraph(text: string): string[] {
  return wrapped(text, "  ", /^(- |\d+\. )/.test(text) ? "    " : "  ");
}

/** Links to other pages are named by their text, which is the fault's id. */
function plain(text: string): string {
  return text.replaceAll(/\[([^\]]+)\]\([^)]*\)/g, "$1").replaceAll(/\s+$/gm, "");
}
