import { isoTime } from "../core/iso-time.js";
import type { FaultId } from "../faults/faults.js";
import type { CertificateFacts } from "../x509/certificate.js";
import type { Identity } from "./identity.js";
import {
  isAboutCertificate,
  judgeRefusedChain,
  type RefusedChainReason,
  refusedChainFaults,
} from "./judge-refused-chain.js";
import type { Explanation, Situation } from "./peer-failure.js";

const protocolVersion = 70;
const unrecognizedName = 112;

/** What an alert says about what we presented: the alert, the certificate, and the likeliest fault the files show. */
export function explainAlert(alert: number, alertWords: string, situation: Situation): Explanation {
  const { role, target, identity, nowMs } = situation;
  if (identity === undefined) return { code: "alert", words: `${role.name} at ${target} ${alertWords}` };
  const chain = identity.presented(nowMs);
  const { code, hint } = judgeAlert(alert, identity, chain, situation);
  const presented = isAboutCertificate(alert) ? `; ${presentedText(identity, chain)}` : "";
  const words = `${role.name} at ${target} ${alertWords}${presented}`;
  return { code, words, ...(hint === undefined ? {} : { hint }) };
}

function presentedText({ files }: Identity, [leaf, ...above]: readonly CertificateFacts[]): string {
  if (leaf === undefined) return "no client certificate was presented";
  const more = above.length === 0 ? "and nothing above it" : `and ${above.length} above it`;
  const source = files.cert?.isDefault ? `default of ${files.cert.key}` : files.cert?.key;
  return `presented: ${leaf.subject}, issued by ${leaf.issuer} (${more}), from ${JSON.stringify(files.cert?.path)} (${source})`;
}

type Judgement = Pick<Explanation, "code" | "hint">;

function judgeAlert(
  alert: number,
  identity: Identity,
  chain: readonly CertificateFacts[],
  { role, serverChain, nowMs }: Situation,
): Judgement {
  if (alert === protocolVersion) return { code: "alert" };
  if (alert === unrecognizedName) return { code: "proxy-sni" };
  // The CA file vouched for the server's certificate, so an issuer found in it is of the server's own PKI.
  const known = [...identity.trusted, ...(serverChain ?? [])];
  const refused = judgeRefusedChain({ alert, chain, known, nowMs });
  if (chain.length === 0) return { code: "client-cert-not-sent", hint: "configure a client certificate and its key" };
  if (refused === undefined) return { code: "alert" };
  return { code: faultOf(refused, identity, role.refusal), hint: hintFor(refused, chain[0]!, identity) };
}

function faultOf(
  { reason }: RefusedChainReason,
  { files }: Identity,
  refusal: { samePki: FaultId; otherPki: FaultId },
): FaultId {
  if (files.cert?.isDefault && isOfIssuer(reason)) return "plugin-default-cert";
  if (reason === "same-pki") return refusal.samePki;
  return reason === "other-pki" ? refusal.otherPki : refusedChainFaults[reason];
}

function isOfIssuer(reason: RefusedChainReason["reason"]): boolean {
  return reason === "same-pki" || reason === "other-pki" || reason === "issuer-not-sent";
}

function hintFor(refused: RefusedChainReason, leaf: CertificateFacts, { files }: Identity): string {
  if (files.cert?.isDefault && isOfIssuer(refused.reason))
    return `set ${files.cert.key} to a certificate the peer trusts`;
  switch (refused.reason) {
    case "none-sent":
      return "did a proxy in between drop our certificate?";
    case "expired":
      return `renew it: ${refused.certificate.subject} expired at ${isoTime(refused.certificate.notAfterMs)}`;
    case "not-yet-valid":
      return `${refused.certificate.subject} is not valid before ${isoTime(refused.certificate.notBeforeMs)}: compare the clocks`;
    case "clocks-differ":
      return `by this host's clock it is valid until ${isoTime(leaf.notAfterMs)}: do the clocks of the hosts differ?`;
    case "wrong-purpose":
      return "issue a certificate with the extended key usage clientAuth";
    case "purpose-excluded":
      return `${refused.certificate.subject} is limited to ${refused.certificate.eku?.join(", ")}`;
    case "wrong-key":
      return "does the key belong to the certificate?";
    case "issuer-not-sent":
      return `append the intermediate ${refused.certificate.issuer} to ${files.cert?.path}, or let the peer trust it`;
    case "same-pki":
      return "does its trusted_client_ca name a file that ends in the root? it was read when the service started";
    case "other-pki":
      return `add the CA ${refused.certificate.issuer} to its trusted_client_ca, or present a certificate that it trusts`;
  }
}
