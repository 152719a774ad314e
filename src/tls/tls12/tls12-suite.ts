import type { CipherSuite } from "../cipher-suite.js";

/** A suite of TLS 1.2 with ECDHE and an AEAD (RFC 5289, RFC 7905): what Keylime's peers agree on when 1.3 is not there. */
export interface Tls12Suite extends CipherSuite {
  /** Bytes of the nonce that the key block gives; AES-GCM sends the other 8 with each record. */
  ivBytes: 4 | 12;
  /** What kind of key signs the key exchange; Ed25519 counts as ECDSA (RFC 8422 section 5.10). */
  signedBy: "ecdsa" | "rsa";
}

const gcm128 = { hash: "sha256", hashBytes: 32, aead: "aes-128-gcm", keyBytes: 16, ivBytes: 4 } as const;
const gcm256 = { hash: "sha384", hashBytes: 48, aead: "aes-256-gcm", keyBytes: 32, ivBytes: 4 } as const;
const chacha = { hash: "sha256", hashBytes: 32, aead: "chacha20-poly1305", keyBytes: 32, ivBytes: 12 } as const;

/** In the order they are offered; ECDSA and RSA in turn. */
export const tls12Suites: readonly Tls12Suite[] = [
  { number: 0xc02b, signedBy: "ecdsa", ...gcm128 },
  { number: 0xc02f, signedBy: "rsa", ...gcm128 },
  { number: 0xc02c, signedBy: "ecdsa", ...gcm256 },
  { number: 0xc030, signedBy: "rsa", ...gcm256 },
  { number: 0xcca9, signedBy: "ecdsa", ...chacha },
  { number: 0xcca8, signedBy: "rsa", ...chacha },
];
