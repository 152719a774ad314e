import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";

export type PrivateKeyFailure = "password-needed" | "password-wrong" | "unreadable";

export type PrivateKeyAnswer = { key: KeyObject } | { failure: PrivateKeyFailure; cause: unknown };

/**
 * Reads a private key from PEM text: PKCS#8, PKCS#1 or SEC1, encrypted ones with their password. The cause never holds
 * key bytes: it is OpenSSL's error.
 */
export function readPrivateKey(pem: string, password?: string): PrivateKeyAnswer {
  try {
    return { key: createPrivateKey(password === undefined ? pem : { key: pem, passphrase: password }) };
  } catch (cause) {
    return { failure: failureOf(cause, password), cause };
  }
}

function failureOf(cause: unknown, password: string | undefined): PrivateKeyFailure {
  const code = (cause as { code?: unknown }).code;
  if (code === "ERR_MISSING_PASSPHRASE") return "password-needed";
  // OpenSSL 3 gives no code of its own for a wrong password; the provider's text is all there is.
  const text = String((cause as { message?: unknown }).message);
  if (/bad decrypt|bad password|interrupted or cancelled|maybe wrong password/i.test(text)) {
    return password === undefined ? "password-needed" : "password-wrong";
  }
  return "unreadable";
}

/** Whether the private key is the one the certificate was issued for. */
export function keyBelongsTo(key: KeyObject, certificate: X509Certificate | Buffer | string): boolean {
  const parsed = certificate instanceof X509Certificate ? certificate : new X509Certificate(certificate);
  try {
    return parsed.checkPrivateKey(key);
  } catch {
    return createPublicKey(key).equals(parsed.publicKey);
  }
}
