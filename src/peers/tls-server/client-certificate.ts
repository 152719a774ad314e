import { type KeyObject, X509Certificate } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import { alertNumbers } from "../../tls/alert.js";
import type { CertificateMessage } from "../../tls/messages/certificate.js";
import { type CertificateVerify, certificateVerifyContent } from "../../tls/messages/certificate-verify.js";
import { schemeFitsKey, tls13SignatureSchemes, verifyWithScheme } from "../../tls/signature.js";
import { verify12 } from "../../tls/signature-choice.js";
import { signatureSchemes } from "../../tls/tables/signature-schemes.js";
import { judgeOpenssl } from "../../x509/trust/openssl.js";
import type { TrustVerdict } from "../../x509/trust/verdict.js";
import { Refusal } from "./refusal.js";
import type { HandshakeStory } from "./story.js";

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

export interface ClientPolicy {
  clientCertificates: "none" | "optional" | "required";
  anchors: readonly X509Certificate[];
  securityLevel: number;
  /** Takes whatever certificate a client presents, as long as it holds the key. */
  takesEveryClient: boolean;
  clock: Clock;
}

interface ClientTrust {
  anchors: readonly X509Certificate[];
  nowMs: number;
  securityLevel: number;
}

/** The verdict over a presented chain; a structure that even the judge cannot read is refused with bad_certificate. */
function judgeClient(chain: readonly X509Certificate[], { anchors, nowMs, securityLevel }: ClientTrust): TrustVerdict {
  try {
    return judgeOpenssl({ chain, anchors, purpose: "client", nowMs, securityLevel });
  } catch (error) {
    throw new Refusal(alertNumbers.badCertificate, `the client's certificate cannot be read: ${String(error)}`);
  }
}

/** Tells the story of what was presented, and refuses what the policy does not take; the signature comes later. */
export function admitClient(
  certificates: X509Certificate[],
  { clientCertificates, anchors, securityLevel, clock, takesEveryClient }: ClientPolicy,
  { story, alertForNone }: { story: HandshakeStory; alertForNone: number },
): void {
  story.clientCertificates = certificates;
  if (certificates.length === 0) {
    if (clientCertificates === "required") throw new Refusal(alertForNone, "the client presented no certificate");
    return;
  }
  if (takesEveryClient) return;
  const verdict = judgeClient(certificates, { anchors, securityLevel, nowMs: clock.nowMs() });
  story.verdict = verdict;
  if (verdict.ok) return;
  const { error, depth } = verdict;
  throw new Refusal(verdict.alert, `the client's certificate: ${error.text} (${error.number}) at depth ${depth}`);
}

/** OpenSSL parses a certificate without its key, and answers one whose key it cannot read with handshake_failure. */
function publicKeyOf(leaf: X509Certificate): KeyObject {
  try {
    return leaf.publicKey;
  } catch {
    throw new Refusal(alertNumbers.handshakeFailure, "the client's certificate holds a public key that cannot be read");
  }
}

/** Checks that the client holds the key (RFC 8446 section 4.4.3). */
export function checkCertificateVerify(
  { scheme, signature }: CertificateVerify,
  leaf: X509Certificate,
  transcriptHash: Buffer,
): void {
  const name = signatureSchemes.name(scheme);
  const key = publicKeyOf(leaf);
  if (!tls13SignatureSchemes.includes(scheme) || !schemeFitsKey(scheme, key)) {
    throw new Refusal(
      alertNumbers.illegalParameter,
      `the client signed with ${name}, which does not fit its certificate`,
    );
  }
  if (!verifyWithScheme(scheme, key, certificateVerifyContent("client", transcriptHash), signature)) {
    throw new Refusal(alertNumbers.decryptError, `the client's ${name} signature does not verify with its certificate`);
  }
}

/** The same in TLS 1.2, where the signature covers the messages themselves (RFC 5246 section 7.4.8). */
export function checkCertificateVerify12(
  { scheme, signature }: CertificateVerify,
  leaf: X509Certificate,
  messages: Buffer,
): void {
  if (verify12(scheme, publicKeyOf(leaf), messages, signature)) return;
  const name = signatureSchemes.name(scheme);
  throw new Refusal(alertNumbers.decryptError, `the client's ${name} signature does not verify with its certificate`);
}
