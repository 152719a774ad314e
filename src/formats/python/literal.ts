import { LiteralError } from "./literal-error.js";
import { readPythonString } from "./string-literal.js";

/** A Python literal, as far as a configuration needs it: lists and strings; all else keeps its kind alone. */
export type PythonLiteral =
  | { kind: "list"; items: readonly PythonLiteral[] }
  | { kind: "string"; value: string }
  | { kind: "tuple" | "dict" | "set" | "number" | "bytes" | "constant" };

/** Deeper nesting serves no configuration; Python's own parser gives up at about this depth too. */
const maxDepth = 90;

const blanks = /[ \t\f]*/y;
const blanksInBrackets = /(?:[ \t\f\n]|#[^\n]*)*/y;
const number =
  /(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:(?:\d(?:_?\d)*)?\.\d(?:_?\d)*|\d(?:_?\d)*\.?)(?:[eE][+-]?\d(?:_?\d)*)?[jJ]?)(?![\w.])/y;
const stringStart = /(?:[rR]|[uU]|[bB]|[rR][bB]|[bB][rR])?(?:"""|'''|"|')/y;

/**
 * Reads a text as Python's `ast.literal_eval` does (CPython 3.11), to the extent that a list of strings is read or
 * refused alike; `set()`, sums of complex numbers and lines joined by a backslash are refused. Throws a LiteralError.
 */
export function parsePythonLiteral(text: string): PythonLiteral {
  return new LiteralParser(text.replaceAll("\r\n", "\n").replaceAll("\r", "\n")).whole();
}

class LiteralParser {
  private at: number;
  private depth = 0;

  constructor(private readonly text: string) {
    // The first line may be indented, one that follows blank lines may not.
    this.at = /^[ \t]*(?:(?:[ \t\f]*(?:#[^\n]*)?\n)+(?![ \t]))?/.exec(text)![0].length;
  }

  whole(): PythonLiteral {
    this.skip();
    const literal = this.tupleOrOne(undefined);
    this.take(blanksInBrackets);
    if (this.at < this.text.length) throw this.unexpected("the end of the value");
    return literal;
  }

  /** One literal, or with a comma a tuple of them. */
  private tupleOrOne(close: ")" | undefined): PythonLiteral {
    const first = this.one();
    if (this.text[this.at] !== ",") return first;
    while (this.text[this.at] === ",") {
      this.at++;
      this.skip();
      if (this.isAtEnd(close)) break;
      this.one();
    }
    return { kind: "tuple" };
  }

  private isAtEnd(close: ")" | undefined): boolean {
    const character = this.text[this.at];
    if (close !== undefined) return character === close;
    return character === undefined || character === "\n" || character === "#";
  }

  private one(): PythonLiteral {
    const literal = this.oneUnspaced();
    this.skip();
    return literal;
  }

  private oneUnspaced(): PythonLiteral {
    const character = this.text[this.at] ?? "";
    if (this.text.startsWith("...", this.at)) {
      this.at += 3;
      return { kind: "constant" };
    }
    if (character === "[") return this.bracketed("]", () => ({ kind: "list", items: this.sequence("]") }));
    if (character === "(") return this.bracketed(")", () => this.parenthesized());
    if (character === "{") return this.bracketed("}", () => this.braced());
    if (this.looksAt(stringStart)) return this.strings();
    if (character === "+" || character === "-") return this.signed();
    const word = this.take(/[\p{L}_][\p{L}\p{N}_]*/uy);
    if (word === "True" || word === "False" || word === "None") return { kind: "constant" };
    if (word !== "") throw this.word(word);
    return this.number();
  }

  private bracketed(close: string, read: () => PythonLiteral): PythonLiteral {
    if (++this.depth > maxDepth) throw new LiteralError("it is nested too deeply", this.at);
    this.at++;
    this.skip();
    const literal = read();
    this.depth--;
    if (this.text[this.at] !== close) throw this.unexpected(`, or ${close}`);
    this.at++;
    return literal;
  }

  private sequence(close: string): PythonLiteral[] {
    const items: PythonLiteral[] = [];
    while (this.text[this.at] !== close) {
      items.push(this.one());
      if (this.text[this.at] !== ",") break;
      this.at++;
      this.skip();
    }
    return items;
  }

  private parenthesized(): PythonLiteral {
    return this.text[this.at] === ")" ? { kind: "tuple" } : this.tupleOrOne(")");
  }

  private braced(): PythonLiteral {
    let isDict = this.text[this.at] === "}";
    for (let count = 0; this.text[this.at] !== "}"; count++) {
      this.one();
      if (count === 0) isDict = this.text[this.at] === ":";
      if (isDict) this.entryValue();
      if (this.text[this.at] !== ",") break;
      this.at++;
      this.skip();
    }
    return { kind: isDict ? "dict" : "set" };
  }

  private entryValue(): void {
    if (this.text[this.at] !== ":") throw this.unexpected(":");
    this.at++;
    this.skip();
    this.one();
  }

  /** Strings side by side are one. */
  private strings(): PythonLiteral {
    let value = "";
    let kind: "string" | "bytes" | undefined;
    while (this.looksAt(stringStart)) {
      const start = this.at;
      const string = readPythonString(this.text, start);
      kind ??= string.isBytes ? "bytes" : "string";
      if ((kind === "bytes") !== string.isBytes) throw new LiteralError("bytes and text cannot be joined", start);
      value += string.value;
      this.at = string.end;
      this.skip();
    }
    return kind === "bytes" ? { kind } : { kind: "string", value };
  }

  private signed(): PythonLiteral {
    this.at++;
    this.skip();
    return this.number();
  }

  private number(): PythonLiteral {
    const start = this.at;
    const digits = this.take(number);
    if (digits === "" || /^0[\d_]*[1-9]\d*$/.test(digits)) {
      this.at = start;
      throw this.unexpected("a value in quotes");
    }
    return { kind: "number" };
  }

  private skip(): void {
    this.take(this.depth > 0 ? blanksInBrackets : blanks);
  }

  private looksAt(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    return pattern.test(this.text);
  }

  private take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  private word(word: string): LiteralError {
    return new LiteralError(`${word} has no quotes`, this.at - word.length);
  }

  private unexpected(expected: string): LiteralError {
    const character = String.fromCodePoint(this.text.codePointAt(this.at) ?? 0x20);
    const isSmart = /[\u2018-\u201f\u00ab\u00bb]/.test(character);
    const found =
      this.at >= this.text.length
        ? "it ends"
        : isSmart
          ? `there is ${character}, no straight quote,`
          : `there is ${character}`;
    return new LiteralError(`${found} where ${expected} should be`, this.at);
  }
}
