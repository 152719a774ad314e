/** What is read from a file at a time: large enough that the calls do not count. */
const fileWindowBytes = 0x80000;

/**
 * The part of a file that is being read, in one buffer that is filled again and again: what was read is moved out of
 * the way instead of allocated anew, so a capture of any size costs the same memory.
 */
export class ByteWindow {
  bytes: Buffer = Buffer.alloc(0);
  /** The first byte not yet consumed, and the end of what has arrived. */
  start = 0;
  end = 0;

  get available(): number {
    return this.end - this.start;
  }

  /** Where the next bytes of the file go; at least half a window long unless a single packet fills more than that. */
  space(): Buffer {
    if (this.bytes.length - this.end < fileWindowBytes / 2)
      this.#makeRoom(Math.max(fileWindowBytes, this.available + 1));
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
