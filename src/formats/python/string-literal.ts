import { LiteralError } from "./literal-error.js";

export interface PythonString {
  value: string;
  isBytes: boolean;
  /** Offset behind its closing quote. */
  end: number;
}

const simpleEscapes: Record<string, string> = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** Reads one string literal with its prefix; `start` must be where one begins. */
export function readPythonString(text: string, start: number): PythonString {
  const [opening, prefix, quote] = /^([a-zA-Z]*)("""|'''|"|')/.exec(text.slice(start))!;
  const isBytes = /b/i.test(prefix!);
  const isRaw = /r/i.test(prefix!);
  let value = "";
  for (let at = start + opening.length; at < text.length; ) {
    if (text.startsWith(quote!, at)) return { value, isBytes, end: at + quote!.length };
    const character = String.fromCodePoint(text.codePointAt(at)!);
    if (character === "\n" && quote!.length === 1) break;
    if (isBytes && character > "\x7f") throw new LiteralError("bytes may hold ASCII alone", at);
    if (character !== "\\" || isRaw) {
      // A raw string keeps its backslash, and the quote behind it does not end it.
      const taken = character === "\\" ? text.slice(at, at + 2) : character;
      value += taken;
      at += taken.length;
    } else {
      const escaped = readEscape(text, at, isBytes);
      value += escaped.value;
      at = escaped.end;
    }
  }
  throw new LiteralError("its quote is not closed", start);
}

function readEscape(text: string, at: number, isBytes: boolean): { value: string; end: number } {
  const letter = text[at + 1] ?? "";
  const simple = simpleEscapes[letter];
  if (simple !== undefined) return { value: simple, end: at + 2 };
  const octal = /^[0-7]{1,3}/.exec(text.slice(at + 1, at + 4))?.[0];
  if (octal !== undefined)
    return { value: String.fromCodePoint(Number.parseInt(octal, 8)), end: at + 1 + octal.length };
  const digits = letter === "x" ? 2 : isBytes ? undefined : { u: 4, U: 8 }[letter];
  if (digits !== undefined) return readHex(text, at, digits);
  if (letter === "N" && !isBytes) throw new LiteralError("characters are not looked up by name", at);
  return { value: `\\${letter}`, end: at + 1 + letter.length };
}

function readHex(text: string, at: number, count: number): { value: string; end: number } {
  const digits = text.slice(at + 2, at + 2 + count);
  const code = /^[0-9a-fA-F]+$/.test(digits) ? Number.parseInt(digits, 16) : Number.POSITIVE_INFINITY;
  if (digits.length < count || code > 0x10ffff) throw new LiteralError("a \\x or \\u escape is cut off", at);
  return { value: String.fromCodePoint(code), end: at + 2 + count };
}
