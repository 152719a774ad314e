import { type CipherGCMTypes, createCipheriv, createDecipheriv } from "node:crypto";
import type { CipherSuite } from "./cipher-suite.js";
import { nextTrafficSecret, trafficKey } from "./key-schedule.js";
import { malformed } from "./malformed.js";
import { maxCiphertextBytes, maxPlaintextBytes, type TlsRecord, writeRecord } from "./record.js";
import { contentTypes, tls12 } from "./tables/protocol.js";

/** A record after decryption: its true type, and the content without padding. */
export interface Plaintext {
  type: number;
  content: Buffer;
}

const tagBytes = 16;
const { application_data: applicationData } = contentTypes.values;

/** Protects the records of one direction under one traffic secret (RFC 8446 section 5.2 to 5.5). */
export class RecordProtection {
  readonly #suite: CipherSuite;
  #secret: Buffer;
  #key: Buffer;
  #iv: Buffer;
  #sequence = 0;

  constructor(suite: CipherSuite, secret: Buffer) {
    this.#suite = suite;
    this.#secret = secret;
    ({ key: this.#key, iv: this.#iv } = trafficKey(suite, secret));
  }

  /** Goes on with the next generation of keys, after a KeyUpdate. */
  update(): void {
    this.#secret = nextTrafficSecret(this.#suite, this.#secret);
    ({ key: this.#key, iv: this.#iv } = trafficKey(this.#suite, this.#secret));
    this.#sequence = 0;
  }

  /** Counts a record of the peer's that is not opened, so that the next one is met with its own nonce. */
  skip(): void {
    this.#sequence++;
  }

  /** One record on the wire; at most 0x4000 bytes of content. */
  seal({ type, content }: Plaintext): Buffer {
    const cipher = createCipheriv(this.#aead, this.#key, this.#nonce(), { authTagLength: tagBytes });
    const header = recordHeader(content.length + 1 + tagBytes);
    cipher.setAAD(header);
    return Buffer.concat([
      header,
      cipher.update(content),
      cipher.update(Buffer.from([type])),
      cipher.final(),
      cipher.getAuthTag(),
    ]);
  }

  /** Decrypts a record. One that does not decrypt is undefined (alert 20); one that is too long is malformed (alert 22). */
  open({ fragment }: TlsRecord): Plaintext | undefined {
    if (fragment.length < tagBytes + 1) return undefined;
    if (fragment.length > maxCiphertextBytes) {
      throw malformed("protected record", `${fragment.length} bytes long, at most ${maxCiphertextBytes} expected`);
    }
    const inner = this.#decrypt(fragment);
    return inner && readInnerPlaintext(inner);
  }

  #decrypt(fragment: Buffer): Buffer | undefined {
    const decipher = createDecipheriv(this.#aead, this.#key, this.#nonce(), { authTagLength: tagBytes });
    decipher.setAAD(recordHeader(fragment.length));
    decipher.setAuthTag(fragment.subarray(fragment.length - tagBytes));
    try {
      return Buffer.concat([decipher.update(fragment.subarray(0, fragment.length - tagBytes)), decipher.final()]);
    } catch {
      return undefined;
    }
  }

  // ChaCha20-Poly1305 has the calls of GCM in node:crypto, and types of its own without need.
  get #aead(): CipherGCMTypes {
    return this.#suite.aead as CipherGCMTypes;
  }

  #nonce(): Buffer {
    const nonce = Buffer.from(this.#iv);
    const sequence = Buffer.alloc(8);
    sequence.writeBigUInt64BE(BigInt(this.#sequence++));
    for (const [i, byte] of sequence.entries()) nonce[4 + i]! ^= byte;
    return nonce;
  }
}

/** Content, type, then zeros as padding: the type is the last byte that is not zero. Nothing but zeros reads as type 0. */
function readInnerPlaintext(inner: Buffer): Plaintext {
  let end = inner.length - 1;
  while (end > 0 && inner[end] === 0) end--;
  if (end > maxPlaintextBytes) {
    throw malformed("protected record", `${end} bytes of content, at most ${maxPlaintextBytes} expected`);
  }
  return { type: inner[end]!, content: inner.subarray(0, end) };
}

function recordHeader(length: number): Buffer {
  const record = writeRecord({ type: applicationData, version: tls12, fragment: Buffer.alloc(0) });
  record.writeUInt16BE(length, 3);
  return record;
}
