import { createHash, createHmac } from "node:crypto";
import type { CipherSuite } from "./cipher-suite.js";
import { written } from "./writer.js";

/** The secrets of a TLS 1.3 connection without pre-shared keys, in the order of RFC 8446 section 7.1. */
export interface HandshakeSecrets {
  handshakeSecret: Buffer;
  clientTraffic: Buffer;
  serverTraffic: Buffer;
}

export interface ApplicationSecrets {
  clientTraffic: Buffer;
  serverTraffic: Buffer;
  exporter: Buffer;
}

/** From the key exchange and the hash of ClientHello…ServerHello. */
export function handshakeSecrets(
  suite: CipherSuite,
  sharedSecret: Uint8Array,
  transcriptHash: Uint8Array,
): HandshakeSecrets {
  const zeros = Buffer.alloc(suite.hashBytes);
  const early = extract(suite, zeros, zeros);
  const handshakeSecret = extract(suite, deriveSecret(suite, early, "derived", emptyHash(suite)), sharedSecret);
  return {
    handshakeSecret,
    clientTraffic: deriveSecret(suite, handshakeSecret, "c hs traffic", transcriptHash),
    serverTraffic: deriveSecret(suite, handshakeSecret, "s hs traffic", transcriptHash),
  };
}

/** From the handshake secret and the hash of ClientHello…server Finished. */
export function applicationSecrets(
  suite: CipherSuite,
  handshakeSecret: Uint8Array,
  transcriptHash: Uint8Array,
): ApplicationSecrets {
  const derived = deriveSecret(suite, handshakeSecret, "derived", emptyHash(suite));
  const main = extract(suite, derived, Buffer.alloc(suite.hashBytes));
  return {
    clientTraffic: deriveSecret(suite, main, "c ap traffic", transcriptHash),
    serverTraffic: deriveSecret(suite, main, "s ap traffic", transcriptHash),
    exporter: deriveSecret(suite, main, "exp master", transcriptHash),
  };
}

/** Key and IV of one direction (RFC 8446 section 7.3). */
export function trafficKey(suite: CipherSuite, secret: Uint8Array): { key: Buffer; iv: Buffer } {
  return { key: expandLabel(suite, secret, "key", suite.keyBytes), iv: expandLabel(suite, secret, "iv", 12) };
}

/** The secret after a KeyUpdate (RFC 8446 section 7.2). */
export function nextTrafficSecret(suite: CipherSuite, secret: Uint8Array): Buffer {
  return expandLabel(suite, secret, "traffic upd", suite.hashBytes);
}

/** verify_data of a Finished message (RFC 8446 section 4.4.4); `secret` is the sender's handshake traffic secret. */
export function finishedVerifyData(suite: CipherSuite, secret: Uint8Array, transcriptHash: Uint8Array): Buffer {
  const key = expandLabel(suite, secret, "finished", suite.hashBytes);
  return createHmac(suite.hash, key).update(transcriptHash).digest();
}

/** The running hash of all handshake messages; kept as bytes until the cipher suite, and with it the hash, is known. */
export class Transcript {
  #messages: Buffer[] = [];

  add(raw: Buffer): void {
    this.#messages.push(raw);
  }

  hash(suite: CipherSuite): Buffer {
    const hash = createHash(suite.hash);
    for (const message of this.#messages) hash.update(message);
    return hash.digest();
  }

  /** Replaces the first ClientHello by its hash, as a HelloRetryRequest demands (RFC 8446 section 4.4.1). */
  foldForRetry(suite: CipherSuite): void {
    const folded = written((writer) => writer.u8(0xfe).vector(3, this.hash(suite)));
    this.#messages = [folded];
  }
}

function deriveSecret(suite: CipherSuite, secret: Uint8Array, label: string, transcriptHash: Uint8Array): Buffer {
  return expandLabel(suite, secret, label, suite.hashBytes, transcriptHash);
}

function expandLabel(
  suite: CipherSuite,
  secret: Uint8Array,
  label: string,
  length: number,
  context: Uint8Array = Buffer.alloc(0),
): Buffer {
  const info = written((writer) =>
    writer
      .u16(length)
      .vector(1, Buffer.from(`tls13 ${label}`, "latin1"))
      .vector(1, context),
  );
  // HKDF-Expand (RFC 5869 section 2.3) for at most one block, which is all that TLS 1.3 asks of it with these suites.
  return createHmac(suite.hash, secret)
    .update(info)
    .update(Buffer.from([1]))
    .digest()
    .subarray(0, length);
}

function extract(suite: CipherSuite, salt: Uint8Array, keyMaterial: Uint8Array): Buffer {
  return createHmac(suite.hash, salt).update(keyMaterial).digest();
}

function emptyHash(suite: CipherSuite): Buffer {
  return createHash(suite.hash).digest();
}
