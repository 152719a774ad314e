import { malformed } from "./malformed.js";

/**
 * Reads wire values in network order and moves forward only. Every length is checked before anything is taken, and
 * parts are views of the input, so a reader costs no memory of its own.
 */
export class Reader {
  #at = 0;

  constructor(
    readonly bytes: Buffer,
    /** What is being read, for messages: `ClientHello`. */
    readonly what: string,
  ) {}

  get left(): number {
    return this.bytes.length - this.#at;
  }

  u8(): number {
    return this.take(1).readUInt8();
  }

  u16(): number {
    return this.take(2).readUInt16BE();
  }

  u24(): number {
    return this.take(3).readUIntBE(0, 3);
  }

  u32(): number {
    return this.take(4).readUInt32BE();
  }

  take(length: number): Buffer {
    if (length > this.left) {
      throw malformed(this.what, `${length} bytes wanted at offset ${this.#at}, ${this.left} left`);
    }
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  rest(): Buffer {
    return this.take(this.left);
  }

  /** The next `length` bytes as a reader of their own. */
  sub(length: number, what = this.what): Reader {
    return new Reader(this.take(length), what);
  }

  /** A part behind its own length, which has 1, 2 or 3 bytes. */
  vector(lengthBytes: 1 | 2 | 3, what = this.what): Reader {
    return this.sub(this.take(lengthBytes).readUIntBE(0, lengthBytes), what);
  }

  /** Reads items until nothing is left. */
  all<T>(item: (reader: Reader) => T): T[] {
    const items: T[] = [];
    while (this.left > 0) items.push(item(this));
    return items;
  }

  /** Refuses leftovers. */
  finish(): void {
    if (this.left > 0) throw malformed(this.what, `${this.left} bytes left over at offset ${this.#at}`);
  }
}

/** Reads a whole buffer: leftovers are an error. */
export function readWhole<T>(bytes: Buffer, what: string, read: (reader: Reader) => T): T {
  const reader = new Reader(bytes, what);
  const value = read(reader);
  reader.finish();
  return value;
}
