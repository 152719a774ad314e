import type { FaultId } from "../faults/faults.js";
import { alertNumbers } from "../tls/alert.js";
import type { CertificateFacts } from "../x509/certificate.js";

/** A certificate chain that a peer answered with an alert. */
export interface RefusedChain {
  alert: number;
  /** Leaf first, as presented; empty when a request was answered with none. */
  chain: readonly CertificateFacts[];
  /** Certificates known to be of the refusing side's PKI: what it presented, what vouches for it. */
  known: readonly CertificateFacts[];
  nowMs: number;
}

/** What a refusal comes from, by the alert and the chain: facts, for each caller to put into its own words. */
export type RefusedChainReason =
  | { reason: "none-sent" }
  | { reason: "expired" | "not-yet-valid"; certificate: CertificateFacts }
  /** By `nowMs` everything is valid, and the peer says expired. */
  | { reason: "clocks-differ" }
  /** The leaf is not for this use, or a CA above it (the certificate) excludes it. */
  | { reason: "wrong-purpose"; certificate: CertificateFacts }
  | { reason: "purpose-excluded"; certificate: CertificateFacts }
  /** The signature made with the key did not match the certificate. */
  | { reason: "wrong-key" }
  /** The issuer of the chain's top (the certificate) is a known intermediate, and was not sent. */
  | { reason: "issuer-not-sent"; certificate: CertificateFacts }
  | { reason: "same-pki" | "other-pki"; certificate: CertificateFacts };

export type Purpose = "clientAuth" | "serverAuth";

/** The fault of each reason but those of the issuer, which depend on whose leg it is. */
export const refusedChainFaults = {
  "none-sent": "client-cert-not-sent",
  expired: "cert-expired",
  "not-yet-valid": "cert-not-yet-valid",
  "clocks-differ": "cert-expired",
  "wrong-purpose": "cert-no-client-auth",
  "purpose-excluded": "ca-eku-limits",
  "wrong-key": "key-mismatch",
  "issuer-not-sent": "cert-chain-incomplete",
} as const satisfies Partial<Record<RefusedChainReason["reason"], FaultId>>;

const { badCertificate, certificateExpired, certificateRequired, certificateUnknown, decryptError, handshakeFailure } =
  alertNumbers;
const accessDenied = 49;

/** Alerts with which a server says that it wants another certificate, in one way or another. */
export function isAboutCertificate(alert: number): boolean {
  const isOfCertificates = alert >= badCertificate && alert <= alertNumbers.unknownCa;
  return isOfCertificates || [certificateRequired, handshakeFailure, accessDenied].includes(alert);
}

/** Why a server refused what a client presented; undefined when the alert does not show it. */
export function judgeRefusedChain(refused: RefusedChain): RefusedChainReason | undefined {
  const { alert, chain } = refused;
  const [leaf] = chain;
  if (alert === certificateRequired || (leaf === undefined && isAboutCertificate(alert)))
    return { reason: "none-sent" };
  if (leaf === undefined) return undefined;
  if (alert === decryptError) return { reason: "wrong-key" };
  if (!isAboutCertificate(alert)) return undefined;
  const dated = judgeDates(chain, refused.nowMs);
  if (dated !== undefined) return dated;
  if (alert === certificateExpired) return { reason: "clocks-differ" };
  const purpose = judgePurpose(chain, "clientAuth");
  if (alert === alertNumbers.unsupportedCertificate) return purpose ?? { reason: "wrong-purpose", certificate: leaf };
  // Go says bad_certificate and Java certificate_unknown where OpenSSL says unsupported_certificate.
  if (alert === badCertificate || alert === certificateUnknown) return purpose ?? judgeIssuer(refused);
  return alert === alertNumbers.unknownCa ? judgeIssuer(refused) : undefined;
}

export function judgeDates(chain: readonly CertificateFacts[], nowMs: number): RefusedChainReason | undefined {
  const expired = chain.find(({ notAfterMs }) => nowMs > notAfterMs);
  if (expired !== undefined) return { reason: "expired", certificate: expired };
  const early = chain.find(({ notBeforeMs }) => nowMs < notBeforeMs);
  return early && { reason: "not-yet-valid", certificate: early };
}

/** What in a chain excludes the purpose: the leaf first, then a CA above it. */
export function judgePurpose(
  [leaf, ...above]: readonly CertificateFacts[],
  purpose: Purpose,
): RefusedChainReason | undefined {
  if (leaf !== undefined && !allows(leaf, purpose)) return { reason: "wrong-purpose", certificate: leaf };
  const limited = above.find((each) => !allows(each, purpose));
  return limited && { reason: "purpose-excluded", certificate: limited };
}

function allows({ eku }: CertificateFacts, purpose: Purpose): boolean {
  return eku === undefined || eku.includes(purpose) || eku.includes("anyExtendedKeyUsage");
}

function judgeIssuer({ chain, known }: RefusedChain): RefusedChainReason {
  const top = chain.at(-1)!;
  const issuerOfTop = known.find(({ subject }) => subject === top.issuer);
  if (issuerOfTop !== undefined && !issuerOfTop.isSelfIssued && !top.isSelfIssued)
    return { reason: "issuer-not-sent", certificate: top };
  const isSamePki = issuerOfTop !== undefined || known.some(({ issuer }) => issuer === top.issuer);
  return { reason: isSamePki ? "same-pki" : "other-pki", certificate: top };
}
