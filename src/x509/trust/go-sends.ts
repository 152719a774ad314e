import type { X509Certificate } from "node:crypto";
import { readCertificateFields } from "../extensions.js";

/**
 * What a Go client sends of its certificate file (CertificateRequestInfo.SupportsCertificate, Go 1.26): the file as it is;
 * nothing at all when the server names CAs and none of them issued a certificate of the file.
 */
export function goSends(file: readonly X509Certificate[], acceptableCas: readonly Buffer[]): X509Certificate[] {
  if (acceptableCas.length === 0) return [...file];
  const issuers = file.map(({ raw }) => readCertificateFields(raw).issuer);
  return issuers.some((issuer) => acceptableCas.some((name) => name.equals(issuer))) ? [...file] : [];
}
