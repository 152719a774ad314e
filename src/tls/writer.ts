/** Writes wire values in network order. A value that its field cannot hold is a RangeError: a mistake of the caller. */
export class Writer {
  readonly #parts: Uint8Array[] = [];

  u8(value: number): this {
    return this.#uint(value, 1);
  }

  u16(value: number): this {
    return this.#uint(value, 2);
  }

  u24(value: number): this {
    return this.#uint(value, 3);
  }

  u32(value: number): this {
    return this.#uint(value, 4);
  }

  bytes(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }

  /** A part behind its own length, which has 1, 2 or 3 bytes. */
  vector(lengthBytes: 1 | 2 | 3, content: Uint8Array | ((writer: Writer) => void)): this {
    const bytes = typeof content === "function" ? written(content) : content;
    return this.#uint(bytes.length, lengthBytes).bytes(bytes);
  }

  toBuffer(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #uint(value: number, length: number): this {
    const bytes = Buffer.alloc(length);
    bytes.writeUIntBE(value, 0, length);
    return this.bytes(bytes);
  }
}

export function written(content: (writer: Writer) => void): Buffer {
  const writer = new Writer();
  content(writer);
  return writer.toBuffer();
}
