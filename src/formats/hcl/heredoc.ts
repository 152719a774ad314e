import type { SourceText } from "./source-text.js";

/**
 * Reads a heredoc that starts at `start` with `<<`, and unindents what `<<-` introduces (hashicorp/hcl 1.0.1-vault-7:
 * hcl/scanner scanHeredoc, hcl/token unindentHeredoc). `endTerminates` takes the end of the text for the line break that
 * must follow the closing anchor: SPIRE hands `plugin_data` over without its last line break.
 */
export function readHeredoc(source: SourceText, start: number, endTerminates: boolean): { end: number; value: string } {
  const { text } = source;
  const opening = /<<(-?)([\p{L}\p{Nd}_]*)(\r?\n)?/uy;
  opening.lastIndex = start;
  const match = opening.exec(text);
  if (match === null) throw source.problem(start, "illegal character <", "a heredoc starts with <<");
  const [whole, dash = "", anchor = "", lineBreak] = match;
  if (lineBreak === undefined) {
    throw source.problem(start + whole.length, "a heredoc's anchor must be letters and digits, alone on its line");
  }
  if (anchor === "") throw source.problem(start, "heredoc without an anchor", "name one, as in <<EOF");
  const body = start + whole.length;
  const closing = findClosing(text, body, dash, anchor, endTerminates);
  if (closing === undefined) throw notTerminated(source, start, dash, anchor);
  const value = text.slice(body, closing.anchorStart).replaceAll("\r\n", "\n");
  return { end: closing.end, value: dash === "" ? value : unindent(value) };
}

function findClosing(text: string, body: number, dash: string, anchor: string, endTerminates: boolean) {
  // Unlike JavaScript's \s, [[:space:]] knows ASCII only.
  const closing = new RegExp(`^[\\t\\n\\v\\f\\r ]*${anchor}\\r*$`, "u");
  // The scanner compares lengths with the dash counted in, so an unindented line never closes a heredoc of <<-.
  const leastBytes = Buffer.byteLength(dash + anchor);
  for (let lineStart = body; lineStart < text.length; ) {
    const lineBreak = text.indexOf("\n", lineStart);
    if (lineBreak < 0 && !endTerminates) return undefined;
    const line = text.slice(lineStart, lineBreak < 0 ? text.length : lineBreak).replace(/\r$/, "");
    if (closing.test(line) && Buffer.byteLength(line) >= leastBytes) {
      const anchorStart = lineStart + line.lastIndexOf(anchor);
      return { anchorStart, end: lineBreak < 0 ? text.length : lineBreak + 1 };
    }
    if (lineBreak < 0) return undefined;
    lineStart = lineBreak + 1;
  }
  return undefined;
}

/** Takes the closing anchor's indentation from every line when all have it; otherwise the text stays as it is. */
function unindent(value: string): string {
  const lines = value.split("\n");
  const indentation = lines.at(-1)!;
  if (lines.every((line) => line.startsWith(indentation))) {
    return [...lines.slice(0, -1).map((line) => line.slice(indentation.length)), ""].join("\n");
  }
  return value.slice(0, -1).replace(/[ \t]+$/, "");
}

function notTerminated(source: SourceText, start: number, dash: string, anchor: string) {
  const hint =
    dash === ""
      ? `end it with a line that holds ${anchor} only, followed by a line break`
      : `end it with an indented line that holds ${anchor} only, followed by a line break`;
  return source.problem(start, `heredoc <<${dash}${anchor} is not terminated`, hint);
}
