import type { HclDocument, HclItem, HclKey, HclObject, HclValue, Token } from "./document.js";
import { type MeaningfulToken, readTokens } from "./lexer.js";
import { SourceText } from "./source-text.js";

export interface ParseHclOptions {
  /** The file's name, for positions in errors. */
  file?: string;
  /**
   * The text is what SPIRE prints of a `plugin_data` block, not a file: JSON's null arrives as a key with nothing after
   * its `=`, and a heredoc at the end without its last line break. Neither is legal in a file.
   */
  printedBySpire?: boolean;
}

/** Nesting deeper than this serves no configuration and would cost stack. */
const maxDepth = 100;

/**
 * Parses HCL version 1, or JSON when the first character is `{`, as hashicorp/hcl 1.0.1-vault-7 does (which SPIRE 1.13
 * and its plugins use). Throws a Problem `spire-conf-syntax` with the place of the first error.
 */
export function parseHcl(text: string, options: ParseHclOptions = {}): HclDocument {
  const source = new SourceText(text, options.file);
  const syntax = /^\s*\{/.test(text) ? "json" : "hcl";
  const printed = options.printedBySpire === true;
  const tokens = readTokens(source, { syntax, endTerminatesHeredoc: printed });
  const parser = new Parser(source, tokens, printed);
  const items = syntax === "json" ? parser.jsonDocument() : parser.document();
  return { syntax, text, items, tokens: tokens.map(({ kind, start, end }) => ({ kind, start, end })) };
}

class Parser {
  private readonly tokens: readonly MeaningfulToken[];
  private index = 0;
  private depth = 0;

  constructor(
    private readonly source: SourceText,
    tokens: readonly MeaningfulToken[],
    private readonly printed: boolean,
  ) {
    this.tokens = tokens.filter(({ kind }) => kind !== "space" && kind !== "comment");
  }

  document(): HclItem[] {
    const items = [];
    while (this.peek() !== undefined) {
      items.push(this.item(true));
      this.take(",");
    }
    return items;
  }

  jsonDocument(): readonly HclItem[] {
    const { items } = this.jsonObject();
    if (this.peek() !== undefined) throw this.unexpected("the end of the text, since the JSON object is complete");
    return items;
  }

  private item(atTop: boolean): HclItem {
    const keys = this.keys();
    const next = this.peek();
    if (next?.kind === "=") {
      if (keys.length > 1) throw this.unexpected("{ after labels", "a labelled block is written without =");
      this.index++;
      return this.finish(keys, "assignment", this.assigned(next, atTop));
    }
    if (next?.kind === "{")
      return this.finish(
        keys,
        "block",
        this.object(() => this.objectItems()),
      );
    throw this.unexpected(`= or { after key ${keys.map(({ name }) => JSON.stringify(name)).join(" ")}`);
  }

  private keys(): [HclKey, ...HclKey[]] {
    const keys: HclKey[] = [];
    for (let token = this.peek(); token?.kind === "identifier" || token?.kind === "string"; token = this.peek()) {
      keys.push(this.key(token));
      this.index++;
    }
    if (keys.length === 0) throw this.unexpected("a key");
    return keys as [HclKey, ...HclKey[]];
  }

  private key(token: MeaningfulToken): HclKey {
    return { name: token.text!, quoted: token.kind === "string", span: this.span(token) };
  }

  private assigned(sign: Token, atTop: boolean): HclValue {
    const next = this.peek();
    // Go's parser drops a key whose value the end of the text cuts off, at the top level only.
    const missing = next === undefined ? atTop : this.printed && this.startsAnother(sign, next);
    if (missing) return { kind: "null", span: this.source.span(sign.end, sign.end) };
    return this.value();
  }

  /** Whether what follows `=` is not its value but the next item, or the end of the block. */
  private startsAnother(sign: Token, next: Token): boolean {
    if (next.kind === "}") return true;
    return next.kind === "string" && this.tokens[this.index + 1]?.kind === "=" && this.lineOf(next) > this.lineOf(sign);
  }

  private value(): HclValue {
    const token = this.peek();
    switch (token?.kind) {
      case "{":
        return this.object(() => this.objectItems());
      case "[":
        return this.list(() => this.listItems());
      case "identifier":
        throw this.unexpected("a value", "put strings in double quotes");
      default:
        return this.literal();
    }
  }

  private literal(): HclValue {
    const token = this.peek();
    const span = token === undefined ? undefined : this.span(token);
    switch (token?.kind) {
      case "string":
      case "heredoc":
        this.index++;
        return { kind: "string", value: token.text!, heredoc: token.kind === "heredoc", span: span! };
      case "integer":
      case "float": {
        this.index++;
        const text = this.source.text.slice(token.start, token.end);
        return { kind: "number", value: token.number!, integer: token.kind === "integer", text, span: span! };
      }
      case "boolean":
        this.index++;
        return { kind: "boolean", value: this.source.text.startsWith("true", token.start), span: span! };
      default:
        throw this.unexpected("a value");
    }
  }

  private object(readItems: () => HclItem[]): HclObject {
    const open = this.enter();
    const items = readItems();
    const close = this.take("}");
    if (close === undefined)
      throw this.unexpected("} or a key", `the block opened at ${this.placeOf(open)} is not closed`);
    this.depth--;
    return { kind: "object", items, span: this.source.span(open.start, close.end) };
  }

  private objectItems(): HclItem[] {
    const items = [];
    while (this.peek() !== undefined && this.peek()!.kind !== "}") {
      items.push(this.item(false));
      this.take(",");
    }
    return items;
  }

  private list(readItems: () => HclValue[]): HclValue {
    const open = this.enter();
    const items = readItems();
    const close = this.take("]");
    if (close === undefined) {
      throw this.unexpected(", or ] in the list", `the list opened at ${this.placeOf(open)} is not closed here`);
    }
    this.depth--;
    return { kind: "list", items, span: this.source.span(open.start, close.end) };
  }

  /** Commas may be too many (before, between, after), and only a nested list needs none after it: so Go's parser has it. */
  private listItems(): HclValue[] {
    const items: HclValue[] = [];
    while (this.peek() !== undefined) {
      while (this.take(",") !== undefined);
      if (this.peek()?.kind === "]") break;
      const item = this.value();
      items.push(item);
      if (item.kind !== "list" && this.peek()?.kind !== ",") break;
    }
    return items;
  }

  private jsonObject(): HclObject {
    if (this.peek()?.kind !== "{") throw this.unexpected("{");
    return this.object(() => this.jsonSequence("}", () => this.jsonItem()));
  }

  private jsonItem(): HclItem {
    const token = this.take("string");
    if (token === undefined) throw this.unexpected("a key in double quotes");
    if (this.take(":") === undefined) throw this.unexpected(`: after key ${JSON.stringify(token.text)}`);
    return this.finish([this.key(token)], "assignment", this.jsonValue());
  }

  private jsonValue(): HclValue {
    const token = this.peek();
    if (token?.kind === "{") return this.jsonObject();
    if (token?.kind === "[") return this.list(() => this.jsonSequence("]", () => this.jsonValue()));
    if (token?.kind !== "null") return this.literal();
    this.index++;
    return { kind: "null", span: this.span(token) };
  }

  /** Go takes a comma before the closing bracket; what else it overlooks in JSON (a missing end) is an error here. */
  private jsonSequence<T>(close: "}" | "]", readOne: () => T): T[] {
    const all: T[] = [];
    while (this.peek() !== undefined && this.peek()!.kind !== close) {
      all.push(readOne());
      if (this.take(",") === undefined) break;
    }
    return all;
  }

  private enter(): MeaningfulToken {
    if (++this.depth > maxDepth) throw this.unexpected(`no more than ${maxDepth} levels of nesting`);
    return this.tokens[this.index++]!;
  }

  private finish(keys: HclItem["keys"], form: HclItem["form"], value: HclValue): HclItem {
    return { keys, form, value, span: this.source.span(keys[0].span.start, value.span.end) };
  }

  private peek(): MeaningfulToken | undefined {
    return this.tokens[this.index];
  }

  private take(kind: Token["kind"]): MeaningfulToken | undefined {
    const token = this.peek();
    if (token?.kind !== kind) return undefined;
    this.index++;
    return token;
  }

  private span(token: Token) {
    return this.source.span(token.start, token.end);
  }

  private lineOf(token: Token): number {
    return this.source.position(token.start).line;
  }

  private placeOf(token: Token): string {
    const { line, column } = this.source.position(token.start);
    return `line ${line}, column ${column}`;
  }

  private unexpected(expected: string, hint?: string) {
    const token = this.peek();
    if (token === undefined) {
      return this.source.problem(this.source.text.length, `expected ${expected}, found the end of the text`, hint);
    }
    const found = this.source.text.slice(token.start, token.end).split("\n", 1)[0]!;
    const shown = token.kind === "string" || token.kind === "heredoc" ? `a ${token.kind}` : found.slice(0, 40);
    return this.source.problem(token.start, `expected ${expected}, found ${shown}`, hint);
  }
}
