import type { Candidate } from "./candidate.js";

/** Least security bits of a level (OpenSSL's minbits_table, crypto/x509/x509_vfy.c). */
export function securityLevelBits(level: number): number {
  return [0, 80, 112, 128, 192, 256][Math.min(level, 5)] ?? 0;
}

/** Security bits of a certificate's key (NIST SP 800-57 part 1, table 2); 0 for a key node:crypto does not know. */
export function certificateBits({ publicKey }: Pick<Candidate, "publicKey">): number {
  const details = publicKey?.asymmetricKeyDetails;
  switch (publicKey?.asymmetricKeyType) {
    case "rsa":
    case "rsa-pss":
    case "dsa":
      return atLeast(rsaBits, details?.modulusLength ?? 0);
    case "ec":
      return curveBits[details?.namedCurve ?? ""] ?? 0;
    case "ed25519":
      return 128;
    case "ed448":
      return 224;
    default:
      return 0;
  }
}

/** Security bits of a signature's hash in OpenSSL 3.0, where SHA-1 counts 63 and MD5 39. */
export function hashBits(hash: string | undefined): number {
  return digestBits[hash ?? ""] ?? 0;
}

const digestBits: Record<string, number> = {
  md5: 39,
  sha1: 63,
  sha224: 112,
  sha256: 128,
  sha384: 192,
  sha512: 256,
  ed25519: 128,
  ed448: 224,
};

const curveBits: Record<string, number> = {
  prime192v1: 80,
  secp224r1: 112,
  prime256v1: 128,
  secp256k1: 128,
  brainpoolP256r1: 128,
  secp384r1: 192,
  brainpoolP384r1: 192,
  secp521r1: 256,
  brainpoolP512r1: 256,
};

const rsaBits: readonly [modulus: number, bits: number][] = [
  [15360, 256],
  [7680, 192],
  [3072, 128],
  [2048, 112],
  [1024, 80],
];

function atLeast(table: readonly [number, number][], size: number): number {
  return table.find(([least]) => size >= least)?.[1] ?? 0;
}
