import type { Token, TokenKind } from "./document.js";
import { readHeredoc } from "./heredoc.js";
import { floatValue, integerValue, readNumber } from "./number-literal.js";
import { characterName, type SourceText } from "./source-text.js";
import { readString } from "./string-literal.js";

/** A token with what it means. */
export interface MeaningfulToken extends Token {
  /** Of strings, heredocs and identifiers. */
  text?: string;
  /** Of numbers. */
  number?: number;
}

export interface LexerOptions {
  syntax: "hcl" | "json";
  endTerminatesHeredoc: boolean;
}

const space = /[ \t\r\n]+/y;
const comment = /(?:#|\/\/)[^\n]*|\/\*[\s\S]*?\*\//y;
const identifier = /[\p{L}_][\p{L}\p{Nd}_.-]*/uy;
const marks: Record<LexerOptions["syntax"], string> = { hcl: "{}[],=", json: "{}[],:" };

/** Cuts the whole text into tokens, spaces and comments included (hashicorp/hcl 1.0.1-vault-7: hcl/scanner). */
export function readTokens(source: SourceText, options: LexerOptions): MeaningfulToken[] {
  const tokens: MeaningfulToken[] = [];
  for (let at = 0; at < source.text.length; ) {
    const token = readToken(source, at, options);
    tokens.push(token);
    at = token.end;
  }
  return tokens;
}

function readToken(source: SourceText, start: number, options: LexerOptions): MeaningfulToken {
  const { text } = source;
  const json = options.syntax === "json";
  const character = text[start]!;
  const spaceEnd = matchEnd(space, text, start);
  if (spaceEnd !== undefined) return { kind: "space", start, end: spaceEnd };
  if (marks[options.syntax].includes(character)) return { kind: character as TokenKind, start, end: start + 1 };
  if (character === '"') {
    const { end, value } = readString(source, start, json);
    return { kind: "string", start, end, text: value };
  }
  if (/[0-9]/.test(character) || /^(-[0-9]|\.[0-9])/.test(text.slice(start, start + 2))) {
    return numberToken(source, start, json);
  }
  const wordEnd = matchEnd(identifier, text, start);
  if (wordEnd !== undefined) return wordToken(source, start, wordEnd, json);
  if (!json && character === "<") {
    const { end, value } = readHeredoc(source, start, options.endTerminatesHeredoc);
    return { kind: "heredoc", start, end, text: value };
  }
  if (!json && (character === "#" || character === "/")) return commentToken(source, start);
  throw illegalCharacter(source, start);
}

function matchEnd(pattern: RegExp, text: string, start: number): number | undefined {
  pattern.lastIndex = start;
  const match = pattern.exec(text);
  return match === null ? undefined : start + match[0].length;
}

function numberToken(source: SourceText, start: number, json: boolean): MeaningfulToken {
  const { end, kind } = readNumber(source, start);
  const text = source.text.slice(start, end);
  if (json && !/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) {
    throw source.problem(start, `${text} is no JSON number`);
  }
  const number = kind === "integer" ? integerValue(source, start, text) : floatValue(source, start, text);
  return { kind, start, end, number };
}

function wordToken(source: SourceText, start: number, end: number, json: boolean): MeaningfulToken {
  const text = source.text.slice(start, end);
  if (text === "true" || text === "false") return { kind: "boolean", start, end };
  if (!json) return { kind: "identifier", start, end, text };
  if (text === "null") return { kind: "null", start, end };
  throw source.problem(start, `${text} is no JSON value`, "put it in double quotes");
}

function commentToken(source: SourceText, start: number): MeaningfulToken {
  const end = matchEnd(comment, source.text, start);
  if (end !== undefined) return { kind: "comment", start, end };
  if (source.text.startsWith("/*", start)) throw source.problem(start, "comment is not terminated", "close it with */");
  throw source.problem(start, "illegal character /", "a comment starts with #, // or /*");
}

function illegalCharacter(source: SourceText, start: number) {
  const character = String.fromCodePoint(source.text.codePointAt(start)!);
  const hints: Record<string, string> = {
    "'": 'put strings in double quotes: "',
    ":": "write = between key and value",
    ";": "end the item with a line break",
    "\uFEFF": "save the file without a byte order mark",
    "“": 'use straight quotes: "',
    "”": 'use straight quotes: "',
    "\u00A0": "replace the no-break space by a plain space",
  };
  return source.problem(start, `illegal character ${characterName(character)}`, hints[character]);
}
