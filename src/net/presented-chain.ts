import type { X509Certificate } from "node:crypto";
import { type CertificateFacts, certificateFacts } from "../x509/certificate.js";
import { opensslSends } from "../x509/trust/openssl.js";

/** The certificates that Node's OpenSSL sends of a certificate file beside a CA file, leaf first. */
export function presentedChain(
  file: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  nowMs: number,
): readonly CertificateFacts[] {
  return sent(file, trusted, nowMs).map(certificateFacts);
}

/** An encoding that only OpenSSL takes leaves the file as it is: the error that asks for the chain is what has to be told. */
function sent(file: readonly X509Certificate[], trusted: readonly X509Certificate[], nowMs: number) {
  try {
    return opensslSends(file, trusted, nowMs);
  } catch {
    return file;
  }
}
