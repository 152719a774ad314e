import { characterName, type SourceText } from "./source-text.js";

const simpleEscapes: Record<string, string> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
};
const hexDigits: Record<string, number> = { x: 2, u: 4, U: 8 };

interface Escape {
  end: number;
  /** A `byte` for `\xHH` and `\ooo` (several of them may spell one character), a `code` point for `\u` and `\U`. */
  value: { byte: number } | { code: number } | { text: string };
}

/**
 * Reads a quoted string that starts at `start` (hashicorp/hcl 1.0.1-vault-7: hcl/scanner scanString, hcl/strconv
 * Unquote). What stands inside `${…}` is taken as it is, quotes and line breaks included; JSON knows no such thing.
 */
export function readString(source: SourceText, start: number, json: boolean): { end: number; value: string } {
  const { text } = source;
  const value = new StringBuilder(source, start, json);
  for (let at = start + 1; ; ) {
    const character = text[at];
    if (character === undefined || character === "\n") {
      throw source.problem(start, "string is not terminated on its line", 'close it with "');
    }
    if (character === '"') return { end: at + 1, value: value.finish() };
    if (!json && character === "$" && text[at + 1] === "{") {
      const end = interpolationEnd(source, start, at);
      value.add(text.slice(at, end).replaceAll("\r\n", "\n"));
      at = end;
    } else if (character === "\\") {
      const sequence = readEscape(source, at);
      value.addEscape(sequence, at);
      at = sequence.end;
    } else {
      value.add(character);
      at++;
    }
  }
}

function interpolationEnd(source: SourceText, start: number, at: number): number {
  let depth = 1;
  for (let i = at + 2; i < source.text.length; ) {
    const character = source.text[i]!;
    if (character === "\\") {
      i = readEscape(source, i).end;
      continue;
    }
    // Go's Unquote cannot tell this character from a decoding error and ends the process.
    if (character === "\uFFFD") throw source.problem(i, `illegal character U+FFFD inside \${…}`);
    if (character === "{") depth++;
    if (character === "}" && --depth === 0) return i + 1;
    i++;
  }
  throw source.problem(start, `\${ is not closed in this string`, "close it with }, or write the dollar sign as \\x24");
}

function readEscape(source: SourceText, at: number): Escape {
  const { text } = source;
  const letter = text[at + 1] ?? "";
  const simple = simpleEscapes[letter];
  if (simple !== undefined) return { end: at + 2, value: { text: simple } };
  if (letter in hexDigits) return readHexEscape(source, at, letter, hexDigits[letter]!);
  const octal = /^[0-7]{3}/.exec(text.slice(at + 1, at + 4));
  if (octal !== null) return { end: at + 4, value: { byte: Number.parseInt(octal[0], 8) } };
  const name = letter === "" ? "the end of the text" : characterName(letter);
  throw source.problem(at, `illegal escape: \\ followed by ${name}`, "write a backslash as \\\\");
}

function readHexEscape(source: SourceText, at: number, letter: string, count: number): Escape {
  const digits = source.text.slice(at + 2, at + 2 + count);
  if (digits.length < count || !/^[0-9a-fA-F]+$/.test(digits)) {
    throw source.problem(at, `escape \\${letter} needs ${count} hexadecimal digits`);
  }
  const code = Number.parseInt(digits, 16);
  return { end: at + 2 + count, value: letter === "x" ? { byte: code } : { code } };
}

class StringBuilder {
  private text = "";
  private bytes: number[] = [];

  constructor(
    private readonly source: SourceText,
    private readonly start: number,
    private readonly json: boolean,
  ) {}

  add(text: string): void {
    this.flushBytes();
    this.text += text;
  }

  addEscape({ value }: Escape, at: number): void {
    if ("text" in value) this.add(value.text);
    else if ("code" in value) this.add(this.codePoint(value.code, at));
    else if (value.byte > 0xff) throw this.source.problem(at, "octal escape is above \\377");
    else this.bytes.push(value.byte);
  }

  finish(): string {
    this.flushBytes();
    return this.text;
  }

  /** HCL's Unquote writes half a surrogate pair as U+FFFD; the one for JSON refuses it. */
  private codePoint(code: number, at: number): string {
    if (code > 0x10ffff) throw this.source.problem(at, "escape is above U+10FFFF");
    if (code < 0xd800 || code > 0xdfff) return String.fromCodePoint(code);
    if (this.json) throw this.source.problem(at, "escape is half of a surrogate pair", "write the character itself");
    return "\uFFFD";
  }

  private flushBytes(): void {
    if (this.bytes.length === 0) return;
    try {
      this.text += new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(this.bytes));
    } catch (cause) {
      const message = "the bytes that \\x and octal escapes spell in this string are not UTF-8";
      throw Object.assign(this.source.problem(this.start, message), { cause });
    }
    this.bytes = [];
  }
}
