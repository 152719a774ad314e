import type { SourceText } from "./source-text.js";

const integer = /-?(?:0[xX][0-9a-fA-F]*|[0-9]+)/y;
const float = /-?[0-9]+(?:\.[0-9]*(?:[eE][+-]?[0-9]*)?|[eE][+-]?[0-9]*)|\.[0-9]+[eE]?/y;
// Longer texts do not fit into 64 bits, zeros in front aside, and would cost BigInt time.
const maxDigits = 64;
const maxInt64 = 2n ** 63n - 1n;

/** The token at `start`, which is a digit, or a sign or point before one. */
export function readNumber(source: SourceText, start: number): { end: number; kind: "integer" | "float" } {
  float.lastIndex = start;
  const asFloat = float.exec(source.text);
  if (asFloat !== null) return { end: start + asFloat[0].length, kind: "float" };
  integer.lastIndex = start;
  const asInteger = integer.exec(source.text);
  if (asInteger === null) throw source.problem(start, `illegal character ${source.text[start]}`);
  return { end: start + asInteger[0].length, kind: "integer" };
}

/** As Go's strconv.ParseInt with base 0: hexadecimal after 0x, octal after 0; 64 bits. */
export function integerValue(source: SourceText, start: number, text: string): number {
  const [, sign, digits] = /^(-?)(.*)$/.exec(text)!;
  if (/^0[xX]$/.test(digits!)) throw source.problem(start, `${text} is no hexadecimal number`);
  if (text.length > maxDigits) throw source.problem(start, "number does not fit into 64 bits");
  const octal = /^0[0-9]+$/.test(digits!);
  if (octal && !/^[0-7]+$/.test(digits!)) {
    throw source.problem(start, `${text} is no octal number`, "a leading 0 makes a number octal: remove it");
  }
  const magnitude = BigInt(octal ? `0o${digits}` : digits!);
  const value = sign === "-" ? -magnitude : magnitude;
  if (value > maxInt64 || value < -maxInt64 - 1n) throw source.problem(start, `${text} does not fit into 64 bits`);
  return Number(value);
}

export function floatValue(source: SourceText, start: number, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value)) throw source.problem(start, `${text} is no number that fits into 64 bits`);
  return value;
}
