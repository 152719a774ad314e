import { createHash } from "node:crypto";
import { copyScript } from "./copy-script.js";
import { ladderStyle } from "./ladder-style.js";
import { Markup, markup } from "./markup.js";
import { pageStyle } from "./page-style.js";

export interface PageOptions {
  title: string;
  /** CSS of this page alone, after the common ones. */
  style?: string;
  /** Copy buttons beside commands. */
  hasCommands?: boolean;
}

/**
 * The start of a page up to its content. The page is one file that asks for nothing: the policy in it allows the style and the
 * script below by their hashes and forbids everything else, so that text which slipped through could not run either.
 */
export function pageOpen({ title, style = "", hasCommands = false }: PageOptions): string {
  const css = `${pageStyle}${ladderStyle}${style}`;
  const script = hasCommands ? copyScript : undefined;
  const policy = [
    "default-src 'none'",
    `style-src '${hashSource(css)}'`,
    ...(script === undefined ? [] : [`script-src '${hashSource(script)}'`]),
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const head = markup`<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">
<title>${title}</title><style>${new Markup(css)}</style></head><body>
`;
  return `<!doctype html>\n${head.text}`;
}

export function pageClose({ hasCommands = false }: Pick<PageOptions, "hasCommands"> = {}): string {
  return `${hasCommands ? `<script>${copyScript}</script>` : ""}</body></html>\n`;
}

function hashSource(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
