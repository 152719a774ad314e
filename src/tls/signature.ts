import { constants, type KeyObject, type SignKeyObjectInput, sign, verify } from "node:crypto";
import { signatureSchemes } from "./tables/signature-schemes.js";

const { values: schemes } = signatureSchemes;

interface SchemeRule {
  /** node:crypto's asymmetricKeyType. */
  keyType: string;
  hash: "sha256" | "sha384" | "sha512" | undefined;
  pss?: true;
  curve?: string;
}

/** Schemes TLS 1.3 allows in CertificateVerify (RFC 8446 section 4.2.3) and node:crypto can compute. */
const rules: ReadonlyMap<number, SchemeRule> = new Map<number, SchemeRule>([
  [schemes.ecdsa_secp256r1_sha256, { keyType: "ec", hash: "sha256", curve: "prime256v1" }],
  [schemes.ecdsa_secp384r1_sha384, { keyType: "ec", hash: "sha384", curve: "secp384r1" }],
  [schemes.ecdsa_secp521r1_sha512, { keyType: "ec", hash: "sha512", curve: "secp521r1" }],
  [schemes.ed25519, { keyType: "ed25519", hash: undefined }],
  [schemes.ed448, { keyType: "ed448", hash: undefined }],
  [schemes.rsa_pss_rsae_sha256, { keyType: "rsa", hash: "sha256", pss: true }],
  [schemes.rsa_pss_rsae_sha384, { keyType: "rsa", hash: "sha384", pss: true }],
  [schemes.rsa_pss_rsae_sha512, { keyType: "rsa", hash: "sha512", pss: true }],
  [schemes.rsa_pss_pss_sha256, { keyType: "rsa-pss", hash: "sha256", pss: true }],
  [schemes.rsa_pss_pss_sha384, { keyType: "rsa-pss", hash: "sha384", pss: true }],
  [schemes.rsa_pss_pss_sha512, { keyType: "rsa-pss", hash: "sha512", pss: true }],
]);

export const tls13SignatureSchemes: readonly number[] = [...rules.keys()];

/** Whether a key can make or check a signature of a scheme. */
export function schemeFitsKey(scheme: number, key: KeyObject): boolean {
  const rule = rules.get(scheme);
  if (rule === undefined || rule.keyType !== key.asymmetricKeyType) return false;
  return rule.curve === undefined || rule.curve === key.asymmetricKeyDetails?.namedCurve;
}

export function signWithScheme(scheme: number, key: KeyObject, content: Buffer): Buffer {
  return sign(rules.get(scheme)?.hash, content, keyInput(scheme, key));
}

/** false for a wrong signature, for a scheme that does not fit the key, and for a key node:crypto cannot use. */
export function verifyWithScheme(scheme: number, key: KeyObject, content: Buffer, signature: Buffer): boolean {
  if (!schemeFitsKey(scheme, key)) return false;
  try {
    return verify(rules.get(scheme)?.hash, content, keyInput(scheme, key), signature);
  } catch {
    return false;
  }
}

function keyInput(scheme: number, key: KeyObject): SignKeyObjectInput {
  if (rules.get(scheme)?.pss === undefined) return { key };
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}
