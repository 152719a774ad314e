import { X509Certificate } from "node:crypto";
import { alertNumbers } from "../../tls/alert.js";
import type { CertificateMessage } from "../../tls/messages/certificate.js";
import { type CertificateVerify, certificateVerifyContent } from "../../tls/messages/certificate-verify.js";
import { schemeFitsKey, tls13SignatureSchemes, verifyWithScheme } from "../../tls/signature.js";
import { signatureSchemes } from "../../tls/tables/signature-schemes.js";
import { judgeOpenssl } from "../../x509/trust/openssl.js";
import type { TrustVerdict } from "../../x509/trust/verdict.js";
import { Refusal } from "./refusal.js";

const { values: schemes } = signatureSchemes;

/** Offered to clients: what CertificateVerify may use, then what certificates may be signed with besides. */
export const requestedSchemes: readonly number[] = [
  ...tls13SignatureSchemes,
  schemes.rsa_pkcs1_sha256,
  schemes.rsa_pkcs1_sha384,
  schemes.rsa_pkcs1_sha512,
];

/** The certificates as objects; bytes that are none are a decode error, as OpenSSL answers them. */
export function readClientCertificates({ entries }: CertificateMessage): X509Certificate[] {
  return entries.map(({ certificate }) => {
    try {
      return new X509Certificate(certificate);
    } catch {
      throw new Refusal(alertNumbers.decodeError, "the client's Certificate holds bytes that are no certificate");
    }
  });
}

export interface ClientTrust {
  anchors: readonly X509Certificate[];
  nowMs: number;
  securityLevel: number;
}

/** The verdict over a presented chain; a structure that even the judge cannot read is refused with bad_certificate. */
export function judgeClient(
  chain: readonly X509Certificate[],
  { anchors, nowMs, securityLevel }: ClientTrust,
): TrustVerdict {
  try {
    return judgeOpenssl({ chain, anchors, purpose: "client", nowMs, securityLevel });
  } catch (error) {
    throw new Refusal(alertNumbers.badCertificate, `the client's certificate cannot be read: ${String(error)}`);
  }
}

/** Checks that the client holds the key (RFC 8446 section 4.4.3). */
export function checkCertificateVerify(
  { scheme, signature }: CertificateVerify,
  leaf: X509Certificate,
  transcriptHash: Buffer,
): void {
  const name = signatureSchemes.name(scheme);
  if (!tls13SignatureSchemes.includes(scheme) || !schemeFitsKey(scheme, leaf.publicKey)) {
    throw new Refusal(
      alertNumbers.illegalParameter,
      `the client signed with ${name}, which does not fit its certificate`,
    );
  }
  if (!verifyWithScheme(scheme, leaf.publicKey, certificateVerifyContent("client", transcriptHash), signature)) {
    throw new Refusal(alertNumbers.decryptError, `the client's ${name} signature does not verify with its certificate`);
  }
}
