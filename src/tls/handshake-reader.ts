import { ByteQueue } from "./byte-queue.js";
import { malformed } from "./malformed.js";
import { handshakeTypes } from "./tables/protocol.js";
import { written } from "./writer.js";

/** A handshake message before its body is decoded (RFC 8446 section 4). */
export interface HandshakeMessage {
  type: number;
  body: Buffer;
  /** Header and body, which is what the transcript hash covers. */
  raw: Buffer;
}

const headerBytes = 4;
/** Room for the longest client certificate list OpenSSL takes (100 KiB), with some to spare. */
const defaultMaxBytes = 0x20000;

/** Joins the fragments of handshake records into messages; a message may span records and a record hold several. */
export class HandshakeReader {
  readonly #queue = new ByteQueue();

  constructor(readonly maxBytes = defaultMaxBytes) {}

  /** Bytes of a message that has not arrived in full; keys may change only while this is 0 (RFC 8446 section 5.1). */
  get pendingBytes(): number {
    return this.#queue.length;
  }

  push(fragment: Buffer): void {
    this.#queue.push(fragment);
  }

  next(): HandshakeMessage | undefined {
    const header = this.#queue.peek(headerBytes);
    if (header === undefined) return undefined;
    const type = header.readUInt8(0);
    const length = header.readUIntBE(1, 3);
    if (length > this.maxBytes) {
      throw malformed(handshakeTypes.name(type), `${length} bytes long, at most ${this.maxBytes} expected`);
    }
    const raw = this.#queue.take(headerBytes + length);
    return raw && { type, body: raw.subarray(headerBytes), raw };
  }
}

export function writeHandshake(type: number, body: Uint8Array): HandshakeMessage {
  const raw = written((writer) => writer.u8(type).vector(3, body));
  return { type, body: raw.subarray(headerBytes), raw };
}
