import { parse } from "smol-toml";
import { LineIndex } from "../line-index.js";
import type { TomlDocument, TomlEntry, TomlHeader, TomlPath } from "./document.js";

/** Where headers, keys and values stand in a text that a TOML parser has taken: nothing is checked here. */
export function scanPlaces(text: string): Pick<TomlDocument, "entries" | "headers"> {
  const scanner = new PlaceScanner(text);
  while (scanner.next());
  return scanner;
}

class PlaceScanner {
  readonly entries: TomlEntry[] = [];
  readonly headers: TomlHeader[] = [];
  private readonly lines: LineIndex;
  private readonly lastIndexes = new Map<string, number>();
  private table: TomlPath = [];
  private at = 0;

  constructor(private readonly text: string) {
    this.lines = new LineIndex(text);
  }

  /** Reads one header or entry; false at the end of the text. */
  next(): boolean {
    this.skip(/(?:[ \t\r\n]|#[^\n]*)*/y);
    if (this.at >= this.text.length) return false;
    if (this.text[this.at] === "[") this.header();
    else this.entry();
    return true;
  }

  private header(): void {
    const start = this.at;
    const isArray = this.text.startsWith("[[", start);
    this.at += isArray ? 2 : 1;
    const names = this.key();
    this.at += isArray ? 2 : 1;
    this.table = isArray ? this.nextOfArray(names) : this.resolve(names);
    this.headers.push({ path: this.table, span: this.lines.span(start, this.at) });
  }

  private entry(): void {
    const start = this.at;
    const names = this.key();
    const key = this.lines.span(start, start + this.text.slice(start, this.at).trimEnd().length);
    this.skip(/=[ \t]*/y);
    const valueStart = this.at;
    this.value();
    this.entries.push({ path: [...this.table, ...names], key, value: this.lines.span(valueStart, this.at) });
  }

  /** A dotted key and the blanks behind it. */
  private key(): string[] {
    const names: string[] = [];
    do {
      this.skip(/\.?[ \t]*/y);
      const written = this.take(/"(?:[^"\\]|\\.)*"|'[^']*'|[^\s.=\]"']+/y);
      names.push(/^["']/.test(written) ? (parse(`k = ${written}`).k as string) : written);
      this.skip(/[ \t]*/y);
    } while (this.text[this.at] === ".");
    return names;
  }

  private value(): void {
    const first = this.text[this.at];
    if (first === '"' || first === "'") this.string(first);
    else if (first === "[" || first === "{") this.bracketed();
    else this.at += this.take(/[^#\r\n]*/y, false).trimEnd().length;
  }

  private string(quote: string): void {
    if (this.text.startsWith(quote.repeat(3), this.at)) {
      // Up to two quotes may stand right before the closing three.
      this.skip(quote === '"' ? /"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*"{3,5}/y : /'''(?:[^']|'{1,2}(?!'))*'{3,5}/y);
    } else {
      this.skip(quote === '"' ? /"(?:[^"\\]|\\.)*"/y : /'[^']*'/y);
    }
  }

  private bracketed(): void {
    let depth = 0;
    do {
      this.skip(/(?:[^[\]{}"'#]|#[^\n]*)*/y);
      const character = this.text[this.at]!;
      if (character === '"' || character === "'") {
        this.string(character);
        continue;
      }
      depth += character === "[" || character === "{" ? 1 : -1;
      this.at++;
    } while (depth > 0);
  }

  private resolve(names: readonly string[]): TomlPath {
    const path: (string | number)[] = [];
    for (const name of names) {
      path.push(name);
      const index = this.lastIndexes.get(JSON.stringify(path));
      if (index !== undefined) path.push(index);
    }
    return path;
  }

  private nextOfArray(names: readonly string[]): TomlPath {
    const array = [...this.resolve(names.slice(0, -1)), names.at(-1)!];
    const id = JSON.stringify(array);
    const index = (this.lastIndexes.get(id) ?? -1) + 1;
    this.lastIndexes.set(id, index);
    return [...array, index];
  }

  private skip(pattern: RegExp): void {
    this.take(pattern);
  }

  private take(pattern: RegExp, move = true): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    if (move) this.at += found.length;
    return found;
  }
}
