import { ByteQueue } from "./byte-queue.js";
import { malformed } from "./malformed.js";
import { contentTypes, protocolVersions } from "./tables/protocol.js";
import { written } from "./writer.js";

/** One record as it stands on the wire (RFC 8446 section 5.1). */
export interface TlsRecord {
  type: number;
  /** legacy_record_version; says little, but old stacks and oddities show in it. */
  version: number;
  fragment: Buffer;
}

export const headerBytes = 5;
/** Longest plaintext of a record (RFC 8446 section 5.1). */
export const maxPlaintextBytes = 0x4000;
/** Longest protected record of TLS 1.3 (RFC 8446 section 5.2). */
export const maxCiphertextBytes = maxPlaintextBytes + 0x100;
/** Longest protected record of TLS 1.2 (RFC 5246 section 6.2.3), which is what a reader of any version has to take. */
const maxTls12CiphertextBytes = maxPlaintextBytes + 0x800;

/** Whether bytes may be the start of a TLS stream; a plain HTTP peer's are not. Fewer than three bytes may still be one. */
export function looksLikeTls(bytes: Uint8Array): boolean {
  const [type, major, minor] = bytes;
  if (type !== undefined && !contentTypes.has(type)) return false;
  return (major === undefined || major === 0x03) && (minor === undefined || minor <= 0x04);
}

/** Cuts a byte stream into records. Holds at most one record that is not complete. */
export class RecordReader {
  readonly #queue = new ByteQueue();

  constructor(readonly what = "TLS record") {}

  /** Bytes of a record that has not arrived in full. */
  get pendingBytes(): number {
    return this.#queue.length;
  }

  push(chunk: Buffer): void {
    this.#queue.push(chunk);
  }

  /** The next whole record, or undefined until more bytes arrive. Bytes that cannot be a record are malformed. */
  next(): TlsRecord | undefined {
    const header = this.#queue.peek(headerBytes);
    if (header === undefined) return undefined;
    const { type, version, length } = this.#readHeader(header);
    const bytes = this.#queue.take(headerBytes + length);
    return bytes && { type, version, fragment: bytes.subarray(headerBytes) };
  }

  #readHeader(header: Buffer): { type: number; version: number; length: number } {
    const [type, version, length] = [header.readUInt8(0), header.readUInt16BE(1), header.readUInt16BE(3)];
    if (!looksLikeTls(header)) {
      const found = `content type ${contentTypes.name(type)} and version ${protocolVersions.name(version)}`;
      throw malformed(this.what, `${found} found where a TLS record was expected`);
    }
    if (length > maxTls12CiphertextBytes) {
      throw malformed(this.what, `${length} bytes long, at most ${maxTls12CiphertextBytes} expected`);
    }
    return { type, version, length };
  }
}

export function writeRecord({ type, version, fragment }: TlsRecord): Buffer {
  return written((writer) => writer.u8(type).u16(version).vector(2, fragment));
}
