import { type CipherGCMTypes, createCipheriv, createDecipheriv } from "node:crypto";
import { type TlsRecord, writeRecord } from "../record.js";
import type { Plaintext } from "../record-protection.js";
import { tls12 } from "../tables/protocol.js";
import type { DirectionKeys } from "./tls12-keys.js";
import type { Tls12Suite } from "./tls12-suite.js";

const tagBytes = 16;
const explicitBytes = 8;

/** Records of one direction under an AEAD suite of TLS 1.2 (RFC 5288 section 3, RFC 7905 section 2). */
export class Tls12Protection {
  readonly #suite: Tls12Suite;
  readonly #keys: DirectionKeys;
  #sequence = 0n;

  constructor(suite: Tls12Suite, keys: DirectionKeys) {
    this.#suite = suite;
    this.#keys = keys;
  }

  seal({ type, content }: Plaintext): Buffer {
    const sequence = this.#nextSequence();
    const explicit = this.#hasExplicitNonce ? sequence : Buffer.alloc(0);
    const cipher = createCipheriv(this.#aead, this.#keys.key, this.#nonce(sequence), { authTagLength: tagBytes });
    cipher.setAAD(additionalData(sequence, type, content.length));
    const sealed = Buffer.concat([explicit, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
    return writeRecord({ type, version: tls12, fragment: sealed });
  }

  open({ type, fragment }: TlsRecord): Plaintext | undefined {
    const start = this.#hasExplicitNonce ? explicitBytes : 0;
    const end = fragment.length - tagBytes;
    if (end < start) return undefined;
    const sequence = this.#nextSequence();
    const nonce = this.#nonce(this.#hasExplicitNonce ? fragment.subarray(0, explicitBytes) : sequence);
    const decipher = createDecipheriv(this.#aead, this.#keys.key, nonce, { authTagLength: tagBytes });
    decipher.setAAD(additionalData(sequence, type, end - start));
    decipher.setAuthTag(fragment.subarray(end));
    try {
      return { type, content: Buffer.concat([decipher.update(fragment.subarray(start, end)), decipher.final()]) };
    } catch {
      return undefined;
    }
  }

  get #hasExplicitNonce(): boolean {
    return this.#suite.ivBytes === 4;
  }

  // ChaCha20-Poly1305 has the calls of GCM in node:crypto, and types of its own without need.
  get #aead(): CipherGCMTypes {
    return this.#suite.aead as CipherGCMTypes;
  }

  #nextSequence(): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(this.#sequence++);
    return bytes;
  }

  #nonce(varying: Buffer): Buffer {
    if (this.#hasExplicitNonce) return Buffer.concat([this.#keys.iv, varying]);
    const nonce = Buffer.from(this.#keys.iv);
    for (const [i, byte] of varying.entries()) nonce[4 + i]! ^= byte;
    return nonce;
  }
}

function additionalData(sequence: Buffer, type: number, length: number): Buffer {
  const header = Buffer.from([type, tls12 >> 8, tls12 & 0xff, length >> 8, length & 0xff]);
  return Buffer.concat([sequence, header]);
}
