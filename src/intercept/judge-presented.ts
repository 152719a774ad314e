import type { X509Certificate } from "node:crypto";
import { isoTime } from "../core/iso-time.js";
import { Problem } from "../core/problem.js";
import { type FaultId, faults } from "../faults/faults.js";
import { alertName, alertNumbers } from "../tls/alert.js";
import { type CertificateFacts, certificateFacts } from "../x509/certificate.js";
import { judgeOpenssl } from "../x509/trust/openssl.js";
import type { TrustQuestion, TrustVerdict } from "../x509/trust/verdict.js";
import type { ConnectionView, Finding } from "./finding.js";

/** What would stop the certificate at the real server; undefined when nothing here would. */
export function judgePresented(chain: readonly X509Certificate[], view: ConnectionView): Finding | undefined {
  const facts = chain.map(certificateFacts);
  return judgeDates(facts, view.nowMs) ?? judgeUsage(facts) ?? judgeTrust(chain, facts, view);
}

function judgeDates(chain: readonly CertificateFacts[], nowMs: number): Finding | undefined {
  for (const { subject, notBeforeMs, notAfterMs } of chain) {
    if (nowMs > notAfterMs) return finding("cert-expired", `${subject} expired at ${isoTime(notAfterMs)}`);
    if (nowMs < notBeforeMs) {
      return finding("cert-not-yet-valid", `${subject} is not valid before ${isoTime(notBeforeMs)}`);
    }
  }
  return undefined;
}

function judgeUsage(chain: readonly CertificateFacts[]): Finding | undefined {
  const at = chain.findIndex(({ eku }) => eku !== undefined && !eku.some(allowsClients));
  if (at === -1) return undefined;
  const { subject, eku = [] } = chain[at]!;
  return finding(at === 0 ? "cert-no-client-auth" : "ca-eku-limits", `${subject} is for ${eku.join(", ")} only`);
}

const allowsClients = (usage: string): boolean => usage === "clientAuth" || usage === "anyExtendedKeyUsage";

/** By the trust file if one is given; without it only Keylime's own CA, which nobody picks on purpose, is a sign. */
function judgeTrust(
  chain: readonly X509Certificate[],
  [leaf]: readonly CertificateFacts[],
  { clientCa, nowMs }: ConnectionView,
): Finding | undefined {
  const isDefault = /\bCN=Keylime Certificate Authority\b/.test(leaf!.issuer);
  if (clientCa === undefined) {
    if (!isDefault) return undefined;
    return finding(
      "plugin-default-cert",
      `${leaf!.subject} was issued by Keylime's own CA: is it the plugin's default?`,
    );
  }
  const { file, anchors } = clientCa;
  const question = { chain, anchors, purpose: "client", nowMs } as const;
  const verdict = verdictOn(question);
  if (verdict instanceof Problem) {
    const message = `a server that trusts ${file} refuses it, most likely with bad_certificate (42): ${verdict.message}`;
    return { id: "client-cert-refused", message, hint: "issue the certificate again" };
  }
  if (verdict.ok) return undefined;
  const words = `a server that trusts ${file} refuses it: ${refusalText(verdict)}`;
  if (judgeOpenssl({ ...question, untrusted: anchors }).ok) return finding("cert-chain-incomplete", words);
  if (isDefault) return finding("plugin-default-cert", words);
  const hint = `present a certificate that leads to a root of ${file}`;
  return {
    id: verdict.alert === alertNumbers.unknownCa ? "client-cert-foreign" : "client-cert-refused",
    message: words,
    hint,
  };
}

/** The client sends what it likes: what OpenSSL's parser lets pass can still be no certificate to the judge. */
function verdictOn(question: TrustQuestion): TrustVerdict | Problem {
  try {
    return judgeOpenssl(question);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

function refusalText({ alert, error, depth, certificate }: Extract<TrustVerdict, { ok: false }>): string {
  const subject = certificate === undefined ? "" : `, ${certificateFacts(certificate).subject}`;
  return `${alertName(alert)} (${alert}), ${error.text} at depth ${depth}${subject}`;
}

function finding(id: FaultId, message: string): Finding {
  return { id, message, hint: faults[id].advice };
}
