import { Problem } from "../../core/problem.js";

/** One directive of an nginx configuration: `name args;` or `name args { block }`. */
export interface NginxDirective {
  name: string;
  /** Without the quotes they were written in. */
  args: readonly string[];
  /** Counts from 1. */
  line: number;
  block?: readonly NginxDirective[];
}

interface Token {
  kind: "word" | ";" | "{" | "}";
  text: string;
  line: number;
}

/** More than anybody nests; a text of braces alone must not exhaust the stack. */
const deepest = 64;

/**
 * The directives of a text in nginx's syntax (ngx_conf_file.c): words, quotes, `#` comments, blocks. Throws a Problem
 * `nginx-syntax` with the line of what it cannot read.
 */
export function parseNginx(text: string): NginxDirective[] {
  const reader = new Reader(tokensOf(text));
  return reader.directives(0);
}

class Reader {
  private at = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  directives(depth: number): NginxDirective[] {
    const found: NginxDirective[] = [];
    for (;;) {
      const token = this.tokens[this.at];
      if (token === undefined || token.kind === "}") {
        if ((token === undefined) !== (depth === 0))
          throw flaw(depth === 0 ? "unexpected }" : "a } is missing", token ?? this.tokens.at(-1));
        return found;
      }
      found.push(this.directive(depth));
    }
  }

  private directive(depth: number): NginxDirective {
    const words: Token[] = [];
    for (;;) {
      const token = this.tokens[this.at++];
      if (token === undefined) throw flaw("a ; is missing at the end", words.at(-1));
      if (token.kind === "word") {
        words.push(token);
        continue;
      }
      const [first, ...more] = words;
      if (first === undefined || token.kind === "}") throw flaw(`unexpected ${token.kind}`, token);
      const directive = { name: first.text, args: more.map(({ text }) => text), line: first.line };
      return token.kind === ";" ? directive : { ...directive, block: this.block(depth + 1, token) };
    }
  }

  private block(depth: number, open: Token): NginxDirective[] {
    if (depth > deepest) throw flaw("blocks are nested too deeply", open);
    const inner = this.directives(depth);
    this.at++;
    return inner;
  }
}

/** `message` starts lower case, without a place. */
function flaw(message: string, token: Pick<Token, "line"> | undefined): Problem {
  const at = token === undefined ? undefined : { line: token.line, column: 1 };
  return new Problem("nginx-syntax", message, { culprit: "configuration", ...(at === undefined ? {} : { at }) });
}

/** Blanks, a comment, one of `;{}`, a quoted word, or a bare word, in which `${name}` may stand. */
const pattern =
  /(\s+)|(#[^\n]*)|([;{}])|("(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*')|((?:\\[\s\S]|\$\{|[^\s;{}"'\\])(?:\\[\s\S]|\$\{[^}\s]*\}|[^\s;{\\])*)/y;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  pattern.lastIndex = 0;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) throw flaw("a quote is not closed", { line });
    const [whole, , , special, quoted, bare] = match;
    if (special !== undefined) tokens.push({ kind: special as ";", text: special, line });
    else if (quoted !== undefined) tokens.push({ kind: "word", text: unescaped(quoted.slice(1, -1)), line });
    else if (bare !== undefined) tokens.push({ kind: "word", text: unescaped(bare), line });
    line += whole.split("\n").length - 1;
  }
  return tokens;
}

function unescaped(text: string): string {
  return text.replaceAll(/\\([\s\S])/g, "$1");
}
