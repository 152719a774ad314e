/**
 * The part of a file that is being read, in one buffer that is filled again and again: what was read is moved out of
 * the way instead of allocated anew, so a capture of any size costs the same memory.
 */
export class ByteWindow {
  bytes: Buffer;
  /** The first byte not yet consumed, and the end of what has arrived. */
  start = 0;
  end = 0;

  constructor(size = 0x100000) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  get available(): number {
    return this.end - this.start;
  }

  /** Where the next bytes of the file go; at least one byte long. */
  space(): Buffer {
    if (this.end === this.bytes.length) this.#makeRoom(this.available + 1);
    return this.bytes.subarray(this.end);
  }

  /** `space` has received this many bytes. */
  filled(length: number): void {
    this.end += length;
  }

  push(chunk: Buffer): void {
    if (this.bytes.length - this.end < chunk.length) this.#makeRoom(this.available + chunk.length);
    chunk.copy(this.bytes, this.end);
    this.end += chunk.length;
  }

  /** Moves what is left to the front, into a larger buffer when it is too small for `wanted` bytes. */
  #makeRoom(wanted: number): void {
    const target =
      wanted <= this.bytes.length ? this.bytes : Buffer.allocUnsafe(Math.max(wanted, this.bytes.length * 2));
    this.bytes.copy(target, 0, this.start, this.end);
    this.bytes = target;
    this.end -= this.start;
    this.start = 0;
  }
}
