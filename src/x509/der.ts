import { Problem } from "../core/problem.js";

/** One DER element (ITU-T X.690): the tag's first byte, the content, and the whole of it. */
export interface DerElement {
  tag: number;
  content: Buffer;
  raw: Buffer;
}

export const derTags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Moves forward through the elements of a constructed value; nothing is copied. */
export class DerReader {
  #at = 0;

  constructor(
    readonly bytes: Buffer,
    readonly what: string,
  ) {}

  get left(): number {
    return this.bytes.length - this.#at;
  }

  /** The tag of the next element, undefined at the end. */
  peek(): number | undefined {
    return this.bytes[this.#at];
  }

  next(): DerElement {
    const start = this.#at;
    const tag = this.#byte();
    if ((tag & 0x1f) === 0x1f) throw malformedDer(this.what, `tag of several bytes at offset ${start}`);
    const length = this.#length();
    if (length > this.left)
      throw malformedDer(this.what, `${length} bytes wanted at offset ${start}, ${this.left} left`);
    const content = this.bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return { tag, content, raw: this.bytes.subarray(start, this.#at) };
  }

  expect(tag: number): DerElement {
    const at = this.#at;
    const element = this.next();
    if (element.tag !== tag) {
      throw malformedDer(this.what, `tag ${hexTag(element.tag)} at offset ${at}, ${hexTag(tag)} expected`);
    }
    return element;
  }

  /** The content of the next element, which must have the tag, as a reader. */
  enter(tag: number): DerReader {
    return new DerReader(this.expect(tag).content, this.what);
  }

  /** The next element if it has the tag. */
  optional(tag: number): DerElement | undefined {
    return this.peek() === tag ? this.next() : undefined;
  }

  /** Every element that is left. */
  all(): DerElement[] {
    const elements: DerElement[] = [];
    while (this.left > 0) elements.push(this.next());
    return elements;
  }

  finish(): void {
    if (this.left > 0) throw malformedDer(this.what, `${this.left} bytes left over at offset ${this.#at}`);
  }

  #byte(): number {
    const byte = this.bytes[this.#at++];
    if (byte === undefined) throw malformedDer(this.what, `the bytes end at offset ${this.#at - 1}`);
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw malformedDer(this.what, `length in ${count} bytes, 1 to 4 expected`);
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 0x100 + this.#byte();
    return length;
  }
}

/** Reads one element that is the whole input. */
export function readDer(bytes: Buffer, what: string): DerElement {
  const reader = new DerReader(bytes, what);
  const element = reader.next();
  reader.finish();
  return element;
}

/** Dotted form of an OBJECT IDENTIFIER's content. */
export function readOid({ content }: Pick<DerElement, "content">): string {
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of content) {
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0n;
    }
    if (arc > 1n << 128n) throw malformedDer("object identifier", "an arc of more than 128 bits");
  }
  const first = arcs.shift() ?? 0n;
  const root = first < 80n ? first / 40n : 2n;
  return [root, first - root * 40n, ...arcs].join(".");
}

/** A non-negative INTEGER that fits a JavaScript number; undefined for any other. */
export function readSmallInteger({ content }: Pick<DerElement, "content">): number | undefined {
  if (content.length === 0 || content.length > 6 || content[0]! >= 0x80) return undefined;
  return content.readUIntBE(0, content.length);
}

/** UTCTime or GeneralizedTime in the forms of RFC 5280 section 4.1.2.5, as milliseconds since the epoch. */
export function readTime({ tag, content }: DerElement): number {
  const text = content.toString("latin1");
  const form =
    tag === derTags.utcTime ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
  const [, year, month, day, hour, minute, second] = (form.exec(text) ?? []).map(Number);
  if (year === undefined) throw malformedDer("time", "no UTCTime or GeneralizedTime ending in Z");
  const fullYear = tag === derTags.utcTime ? (year < 50 ? 2000 : 1900) + year : year;
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month! - 1, day);
  return date.setUTCHours(hour!, minute, second);
}

export function malformedDer(what: string, why: string): Problem {
  return new Problem("x509-malformed", `cannot read ${what}: ${why}`, { culprit: "peer" });
}

function hexTag(tag: number): string {
  return `0x${tag.toString(16).padStart(2, "0")}`;
}
