/**
 * TPM_ALG_ID values (TPM 2.0 Part 2, section 6.3, and the TCG Algorithm Registry) with the names Keylime gives them
 * (keylime/common/algorithms.py, 7.14.3).
 */
export const algorithmIds = {
  rsa: 0x0001,
  sha1: 0x0004,
  aes: 0x0006,
  keyedhash: 0x0008,
  sha256: 0x000b,
  sha384: 0x000c,
  sha512: 0x000d,
  null: 0x0010,
  sm3_256: 0x0012,
  rsassa: 0x0014,
  rsaes: 0x0015,
  rsapss: 0x0016,
  oaep: 0x0017,
  ecdsa: 0x0018,
  ecdh: 0x0019,
  ecdaa: 0x001a,
  sm2: 0x001b,
  ecschnorr: 0x001c,
  ecmqv: 0x001d,
  ecc: 0x0023,
  cfb: 0x0043,
} as const;

export type HashName = "sha1" | "sha256" | "sha384" | "sha512";

/** Signature schemes told apart; `rsapss` is recognised so that its refusal can be exact. */
export type SignatureScheme = "rsassa" | "rsapss" | "ecdsa";

const digestBytes: Record<HashName, number> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

export const hashNames = Object.keys(digestBytes) as HashName[];

const signatureSchemes = ["rsassa", "rsapss", "ecdsa"] as const satisfies readonly SignatureScheme[];

export function digestSize(hash: HashName): number {
  return digestBytes[hash];
}

export function hashNameOf(id: number): HashName | undefined {
  return hashNames.find((name) => algorithmIds[name] === id);
}

export function signatureSchemeOf(id: number): SignatureScheme | undefined {
  return signatureSchemes.find((name) => algorithmIds[name] === id);
}

/** An algorithm for a message: its name, or its number in hex when it has none here. */
export function algorithmText(id: number): string {
  const entry = Object.entries(algorithmIds).find(([, value]) => value === id);
  return entry === undefined ? `0x${id.toString(16).padStart(4, "0")}` : entry[0];
}
