import { type Markup, markup } from "./markup.js";

export interface DrawnCertificate {
  /** `CN=Book of Omens, O=Funlab.Casa` */
  name: string;
  /** What stands below the name: dates, usage. */
  detail: string;
  /** Drawn with a dashed line: it should be there and is not. */
  isMissing?: boolean;
}

export interface ChainDrawing {
  /** The drawing in a sentence, for who cannot see it. */
  told: string;
  /** Leaf first. */
  certificates: readonly DrawnCertificate[];
}

const width = 340;
const inset = 12;
const lineHeight = 17;
const gap = 26;
/** As many characters of the drawing's font as surely fit into a box. */
const charactersPerLine = 40;
const mostLines = 4;

/** A chain of certificates as boxes below each other, the leaf at the top; its size fits a phone. */
export function chainDrawing({ told, certificates }: ChainDrawing): Markup {
  const boxes = placed(certificates);
  const last = boxes.at(-1);
  const height = (last === undefined ? 0 : last.top + last.height) + 2;
  return markup`<svg class="chain" role="img" aria-label="${told}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">${boxes.map(
    (each, index) => box(each, index < boxes.length - 1),
  )}</svg>`;
}

interface Placed {
  top: number;
  height: number;
  name: readonly string[];
  detail: readonly string[];
  isMissing: boolean;
}

function placed(certificates: readonly DrawnCertificate[]): Placed[] {
  let top = 1;
  return certificates.map(({ name, detail, isMissing = false }) => {
    const lines = { name: brokenText(name), detail: brokenText(detail) };
    const height = (lines.name.length + lines.detail.length) * lineHeight + inset;
    const one = { top, height, ...lines, isMissing };
    top += height + gap;
    return one;
  });
}

function box({ top, height, name, detail, isMissing }: Placed, hasIssuer: boolean): Markup {
  const lines = [...name.map((text) => ({ text, kind: "name" })), ...detail.map((text) => ({ text, kind: "detail" }))];
  const middle = width / 2;
  const bottom = top + height;
  return markup`<rect class="${isMissing ? "missing" : "there"}" x="1" y="${top}" width="${width - 2}" height="${height}" rx="7"/>${lines.map(
    ({ text, kind }, index) =>
      markup`<text class="${kind}" x="${inset}" y="${top + inset / 2 + (index + 0.75) * lineHeight}">${text}</text>`,
  )}${hasIssuer && markup`<path class="up" d="M${middle} ${bottom}v${gap - 3}m-4 -6l4 6l4 -6"/><text class="detail" x="${middle + 10}" y="${bottom + 17}">issued by</text>`}`;
}

/** Broken at blanks where there are some; SVG breaks no text by itself. */
function brokenText(text: string): string[] {
  const lines: string[] = [""];
  for (const word of text.split(" ")) {
    for (const piece of word.match(new RegExp(`.{1,${charactersPerLine}}`, "gsu")) ?? [""]) {
      const last = lines.at(-1)!;
      if (last === "") lines[lines.length - 1] = piece;
      else if (last.length + 1 + piece.length <= charactersPerLine) lines[lines.length - 1] = `${last} ${piece}`;
      else lines.push(piece);
    }
  }
  return lines.length <= mostLines
    ? lines
    : [...lines.slice(0, mostLines - 1), `${lines[mostLines - 1]!.slice(0, 36)} …`];
}
