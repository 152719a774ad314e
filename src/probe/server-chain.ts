import { X509Certificate } from "node:crypto";
import type { CertificateMessage } from "../tls/messages/certificate.js";

/** The certificates as sent; bytes that OpenSSL cannot read stay bytes, since a diagnosis goes on. */
export function readServerChain({ entries }: CertificateMessage): (X509Certificate | Buffer)[] {
  return entries.map(({ certificate }) => {
    try {
      return new X509Certificate(certificate);
    } catch {
      return certificate;
    }
  });
}

export function isCertificate(each: X509Certificate | Buffer): each is X509Certificate {
  return each instanceof X509Certificate;
}
