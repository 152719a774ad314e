import { constants, type KeyObject, sign, verify } from "node:crypto";
import { schemeFitsKey, signWithScheme, tls13SignatureSchemes, verifyWithScheme } from "./signature.js";
import { signatureSchemes } from "./tables/signature-schemes.js";

const { values: schemes } = signatureSchemes;

/** TLS 1.2 knows these besides the schemes of TLS 1.3, and binds ECDSA to no curve (RFC 5246 section 7.4.1.4.1). */
const tls12Rules = new Map<number, { keyType: "rsa" | "ec"; hash: string }>([
  [schemes.rsa_pkcs1_sha256, { keyType: "rsa", hash: "sha256" }],
  [schemes.rsa_pkcs1_sha384, { keyType: "rsa", hash: "sha384" }],
  [schemes.rsa_pkcs1_sha512, { keyType: "rsa", hash: "sha512" }],
  [schemes.ecdsa_secp256r1_sha256, { keyType: "ec", hash: "sha256" }],
  [schemes.ecdsa_secp384r1_sha384, { keyType: "ec", hash: "sha384" }],
  [schemes.ecdsa_secp521r1_sha512, { keyType: "ec", hash: "sha512" }],
]);

const pkcs1Schemes = [schemes.rsa_pkcs1_sha256, schemes.rsa_pkcs1_sha384, schemes.rsa_pkcs1_sha512];

/** What we take from a peer, in CertificateVerify and, the last ones, in certificates of TLS 1.3 and anywhere in TLS 1.2. */
export const offeredSchemes: readonly number[] = [...tls13SignatureSchemes, ...pkcs1Schemes];

/** The first scheme of the peer's list that a key can make; undefined when there is none. */
export function chooseScheme(version: "1.2" | "1.3", key: KeyObject, wanted: readonly number[]): number | undefined {
  return wanted.find((scheme) => schemeFitsKey(scheme, key) || (version === "1.2" && fitsKey12(scheme, key)));
}

export function signAs(scheme: number, key: KeyObject, content: Buffer): Buffer {
  if (schemeFitsKey(scheme, key)) return signWithScheme(scheme, key, content);
  return sign(tls12Rules.get(scheme)?.hash, content, { key, padding: constants.RSA_PKCS1_PADDING });
}

/** Of TLS 1.2's ServerKeyExchange and CertificateVerify; false for anything that does not verify. */
export function verify12(scheme: number, key: KeyObject, content: Buffer, signature: Buffer): boolean {
  if (schemeFitsKey(scheme, key)) return verifyWithScheme(scheme, key, content, signature);
  if (!fitsKey12(scheme, key)) return false;
  try {
    return verify(tls12Rules.get(scheme)?.hash, content, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
  } catch {
    return false;
  }
}

function fitsKey12(scheme: number, key: KeyObject): boolean {
  return tls12Rules.get(scheme)?.keyType === key.asymmetricKeyType;
}
