/** What a TLS 1.3 cipher suite stands for (RFC 8446 appendix B.4). */
export interface CipherSuite {
  number: number;
  hash: "sha256" | "sha384";
  hashBytes: number;
  /** The name node:crypto knows the AEAD by. */
  aead: "aes-128-gcm" | "aes-256-gcm" | "chacha20-poly1305";
  keyBytes: number;
}

export const tls13CipherSuites: readonly CipherSuite[] = [
  { number: 0x1301, hash: "sha256", hashBytes: 32, aead: "aes-128-gcm", keyBytes: 16 },
  { number: 0x1302, hash: "sha384", hashBytes: 48, aead: "aes-256-gcm", keyBytes: 32 },
  { number: 0x1303, hash: "sha256", hashBytes: 32, aead: "chacha20-poly1305", keyBytes: 32 },
];

export function cipherSuite(number: number): CipherSuite | undefined {
  return tls13CipherSuites.find((suite) => suite.number === number);
}
