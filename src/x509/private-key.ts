import { createPrivateKey, createPublicKey, type KeyObject, sign, verify, type X509Certificate } from "node:crypto";

export type PrivateKeyFailure = "password-needed" | "password-wrong" | "unreadable";

export type PrivateKeyAnswer = { key: KeyObject } | { failure: PrivateKeyFailure; cause: unknown };

export interface PrivateKeyText {
  /** One PEM block. */
  pem: string;
  /** Whether the block says of itself that it is encrypted. */
  isEncrypted: boolean;
  password?: string;
}

/**
 * Reads a private key: PKCS#8, PKCS#1 or SEC1, encrypted ones with their password. The cause is OpenSSL's error, which
 * holds no key bytes.
 */
export function readPrivateKey({ pem, isEncrypted, password }: PrivateKeyText): PrivateKeyAnswer {
  if (isEncrypted && password === undefined) return { failure: "password-needed", cause: undefined };
  try {
    return { key: createPrivateKey(password === undefined ? pem : { key: pem, passphrase: password }) };
  } catch (cause) {
    // A wrong password passes CBC's padding check once in 256 times and then fails as bad ASN.1: the text cannot tell.
    return { failure: isEncrypted ? "password-wrong" : "unreadable", cause };
  }
}

/** Whether the private key is the one the certificate was issued for. */
export function keyBelongsTo(key: KeyObject, certificate: X509Certificate): boolean {
  return createPublicKey(key).equals(certificate.publicKey);
}

/**
 * Whether the certificate verifies what the key signs. A damaged key may still hold the right public half, which is all
 * that OpenSSL compares; every handshake with it fails.
 */
export function signsFor(key: KeyObject, certificate: X509Certificate): boolean {
  const hash = key.asymmetricKeyType?.startsWith("ed") ? null : "sha256";
  const probe = Buffer.from("probe");
  try {
    return verify(hash, probe, certificate.publicKey, sign(hash, probe, key));
  } catch {
    return false;
  }
}
