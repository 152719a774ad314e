import { malformed } from "./malformed.js";

/**
 * Reads wire values in network order and moves forward only. Every length is checked before anything is taken, and
 * parts are views of the input, so a reader costs no memory of its own.
 */
export class Reader {
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #end: number;
  #at: number;

  constructor(
    bytes: Buffer,
    /** What is being read, for messages: `ClientHello`. */
    readonly what: string,
    start = 0,
    end = bytes.length,
  ) {
    this.#bytes = bytes;
    this.#start = this.#at = start;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    return this.#number(1);
  }

  u16(): number {
    return this.#number(2);
  }

  u24(): number {
    return this.#number(3);
  }

  u32(): number {
    return this.#number(4);
  }

  take(length: number): Buffer {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  rest(): Buffer {
    return this.take(this.left);
  }

  /** The next `length` bytes as a reader of their own. */
  sub(length: number, what = this.what): Reader {
    const start = this.#advance(length);
    return new Reader(this.#bytes, what, start, start + length);
  }

  /** A part behind its own length, which has 1, 2 or 3 bytes. */
  vector(lengthBytes: 1 | 2 | 3, what = this.what): Reader {
    return this.sub(this.#number(lengthBytes), what);
  }

  /** Arithmetic instead of Buffer's methods: a hello holds some hundred numbers, and a capture many hellos. */
  #number(length: 1 | 2 | 3 | 4): number {
    const start = this.#advance(length);
    let value = 0;
    for (let at = start; at < start + length; at++) value = value * 256 + this.#bytes[at]!;
    return value;
  }

  /** Steps over bytes that are there, and answers where they start. */
  #advance(length: number): number {
    const start = this.#at;
    if (length > this.left) {
      throw malformed(this.what, `${length} bytes wanted at offset ${start - this.#start}, ${this.left} left`);
    }
    this.#at += length;
    return start;
  }

  /** Reads items until nothing is left. */
  all<T>(item: (reader: Reader) => T): T[] {
    const items: T[] = [];
    while (this.left > 0) items.push(item(this));
    return items;
  }

  /** Refuses leftovers. */
  finish(): void {
    if (this.left > 0) throw malformed(this.what, `${this.left} bytes left over at offset ${this.#at - this.#start}`);
  }
}

/** Reads a whole buffer: leftovers are an error. */
export function readWhole<T>(bytes: Buffer, what: string, read: (reader: Reader) => T): T {
  const reader = new Reader(bytes, what);
  const value = read(reader);
  reader.finish();
  return value;
}
