import { Problem } from "../../core/problem.js";

/**
 * Reads a TPM structure front to back. Every read checks the length first and throws a `Problem` (`tpm-form`) that
 * names the structure and the offset; `end` refuses leftovers. Buffers returned are views of the input.
 */
export class TpmReader {
  readonly #bytes: Buffer;
  readonly #what: string;
  #offset = 0;

  /** `what` names the structure in messages, e.g. `TPMS_ATTEST`. */
  constructor(bytes: Buffer, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  take(length: number, field: string): Buffer {
    if (length > this.left) {
      throw this.refusal(`${field} needs ${length} bytes, ${this.left} are left`);
    }
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }

  u8(field: string): number {
    return this.take(1, field).readUInt8();
  }

  u16(field: string): number {
    return this.take(2, field).readUInt16BE();
  }

  u32(field: string): number {
    return this.take(4, field).readUInt32BE();
  }

  u64(field: string): bigint {
    return this.take(8, field).readBigUInt64BE();
  }

  u16le(field: string): number {
    return this.take(2, field).readUInt16LE();
  }

  u32le(field: string): number {
    return this.take(4, field).readUInt32LE();
  }

  /** A TPM2B: a 16-bit length and that many bytes. */
  sized(field: string): Buffer {
    return this.take(this.u16(`size of ${field}`), field);
  }

  /** A reader for the next `length` bytes alone. */
  sub(length: number, what: string): TpmReader {
    return new TpmReader(this.take(length, what), what);
  }

  /** Throws when bytes are left over. */
  end(): void {
    if (this.left > 0) throw this.refusal(`${this.left} bytes are left over`);
  }

  refusal(why: string): Problem {
    return new Problem("tpm-form", `cannot read ${this.#what} at byte ${this.#offset}: ${why}`, { culprit: "peer" });
  }
}
