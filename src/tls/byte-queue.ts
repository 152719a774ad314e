/** Bytes that arrive in pieces and are taken in other pieces; each byte is copied at most once per look at its front. */
export class ByteQueue {
  #chunks: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The first `length` bytes without taking them, or undefined while there are fewer. */
  peek(length: number): Buffer | undefined {
    if (length > this.#length) return undefined;
    const first = this.#chunks[0];
    if (first !== undefined && first.length >= length) return first.subarray(0, length);
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined.subarray(0, length);
  }

  /** Takes the first `length` bytes, or undefined while there are fewer. */
  take(length: number): Buffer | undefined {
    const bytes = this.peek(length);
    if (bytes === undefined) return undefined;
    this.#length -= length;
    const first = this.#chunks[0];
    if (first === undefined) return bytes;
    if (first.length === length) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(length);
    return bytes;
  }
}
