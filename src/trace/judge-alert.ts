import type { FaultId } from "../faults/faults.js";
import { isoTime } from "../net/identity-warnings.js";
import { alertNumbers } from "../tls/alert.js";
import type { CertificateFacts } from "../x509/certificate.js";
import type { Side } from "./conversation.js";

/** What a refused handshake showed of both sides; lists are leaf first. */
export interface Refusal {
  from: Side;
  alert: number;
  /** Undefined when it could not be read; empty when the client sent none. */
  clientChain: readonly CertificateFacts[] | undefined;
  serverChain: readonly CertificateFacts[];
  /** The name the client asked for. */
  serverName: string | undefined;
  serverPort: number;
  /** When the alert was sent. */
  nowMs: number;
}

export interface SuspectedFault {
  id: FaultId;
  /** What in the capture speaks for it. */
  why: string;
}

/** The fault an alert points to, by the certificates beside it; undefined when it has nothing to do with them. */
export function judgeAlert(refusal: Refusal): SuspectedFault | undefined {
  return refusal.from === "server" ? judgeServerAlert(refusal) : judgeClientAlert(refusal);
}

const { badCertificate, certificateExpired, certificateRequired, certificateUnknown, handshakeFailure, unknownCa } =
  alertNumbers;
const aboutTrust: ReadonlySet<number> = new Set([badCertificate, certificateUnknown, unknownCa]);
const accessDenied = 49;
const unrecognizedName = 112;

/** OpenSSL up to TLS 1.2 says handshake_failure when a certificate is missing (RFC 5246 section 7.4.6). */
function judgeServerAlert(refusal: Refusal): SuspectedFault | undefined {
  const { alert, clientChain } = refusal;
  if (alert === unrecognizedName) return { id: "proxy-sni", why: "the server serves no host of the name in the hello" };
  const isNoneSent = clientChain?.length === 0;
  if (alert === certificateRequired || (isNoneSent && (alert === handshakeFailure || aboutTrust.has(alert)))) {
    return { id: "client-cert-not-sent", why: "the client answered the certificate request with an empty list" };
  }
  const isAboutClient =
    aboutTrust.has(alert) || alert === certificateExpired || alert === alertNumbers.unsupportedCertificate;
  if (!isAboutClient && alert !== accessDenied) return undefined;
  return judgeDates(clientChain ?? [], refusal) ?? judgeClientChain(refusal);
}

function judgeClientChain(refusal: Refusal): SuspectedFault | undefined {
  const { alert, clientChain } = refusal;
  if (alert === certificateExpired) {
    return { id: "cert-expired", why: "by the capture's clock it is valid: the clocks of the hosts may differ" };
  }
  if (alert === alertNumbers.unsupportedCertificate) return judgePurpose(clientChain ?? [], "clientAuth");
  if (!aboutTrust.has(alert) || clientChain === undefined) return undefined;
  return judgeIssuer(clientChain, refusal);
}

function judgeDates(chain: readonly CertificateFacts[], { nowMs }: Refusal): SuspectedFault | undefined {
  const expired = chain.find(({ notAfterMs }) => nowMs > notAfterMs);
  if (expired !== undefined) {
    return { id: "cert-expired", why: `${expired.subject} expired at ${isoTime(expired.notAfterMs)}` };
  }
  const early = chain.find(({ notBeforeMs }) => nowMs < notBeforeMs);
  if (early === undefined) return undefined;
  return { id: "cert-not-yet-valid", why: `${early.subject} is not valid before ${isoTime(early.notBeforeMs)}` };
}

function judgePurpose(
  [leaf, ...above]: readonly CertificateFacts[],
  purpose: "clientAuth" | "serverAuth",
): SuspectedFault {
  const limited = above.find(({ eku }) => !allows(eku, purpose));
  if (leaf !== undefined && allows(leaf.eku, purpose) && limited !== undefined) {
    return { id: "ca-eku-limits", why: `${limited.subject} is limited to ${limited.eku?.join(", ")}` };
  }
  const why =
    leaf?.eku === undefined
      ? "the leaf is not meant for this use"
      : `the leaf's extended key usage is ${leaf.eku.join(", ")}`;
  return { id: purpose === "clientAuth" ? "cert-no-client-auth" : "cert-no-server-auth", why };
}

function allows(eku: readonly string[] | undefined, purpose: string): boolean {
  return eku === undefined || eku.includes(purpose) || eku.includes("anyExtendedKeyUsage");
}

/** Faults of a server that refuses its own PKI's certificates, by Keylime's default ports; the verifier's otherwise. */
const refusalsByPort: Record<number, { samePki: FaultId; otherPki: FaultId }> = {
  8891: { samePki: "registrar-refuses-client", otherPki: "registrar-refuses-client" },
  9002: { samePki: "agent-refuses-client", otherPki: "agent-refuses-client" },
};
const verifierRefusals = { samePki: "verifier-trust-empty", otherPki: "ca-wrong" } as const;

function judgeIssuer(chain: readonly CertificateFacts[], refusal: Refusal): SuspectedFault | undefined {
  const top = chain.at(-1);
  if (top === undefined) return undefined;
  const { samePki, otherPki } = refusalsByPort[refusal.serverPort] ?? verifierRefusals;
  const issuer = refusal.serverChain.find(({ subject }) => subject === top.issuer);
  if (issuer !== undefined && !issuer.isSelfIssued && !top.isSelfIssued) {
    const why = `the client sent nothing above ${top.subject}, and its issuer ${top.issuer} is an intermediate`;
    return { id: "cert-chain-incomplete", why };
  }
  const isSamePki = refusal.serverChain.some(({ subject, issuer }) => subject === top.issuer || issuer === top.issuer);
  if (isSamePki) return { id: samePki, why: `client and server certificates come from the same CA, ${top.issuer}` };
  return { id: otherPki, why: `the client's chain ends at ${top.issuer}, which issued nothing the server presented` };
}

function judgeClientAlert(refusal: Refusal): SuspectedFault | undefined {
  const { alert, serverChain, serverName } = refusal;
  const [leaf] = serverChain;
  if (leaf === undefined) return undefined;
  if (alert === alertNumbers.unsupportedCertificate) return judgePurpose(serverChain, "serverAuth");
  if (!aboutTrust.has(alert) && alert !== certificateExpired) return undefined;
  const dated = judgeDates(serverChain, refusal);
  if (dated !== undefined) return dated;
  if (alert === certificateExpired) return { id: "cert-expired", why: "by the capture's clock it is valid" };
  // Go says bad_certificate whatever it found; OpenSSL and Java tell an unknown issuer from the rest.
  if (alert !== unknownCa && serverName !== undefined && !carriesName(leaf, serverName)) {
    const names = leaf.sans.map(({ value }) => value).join(", ") || "none";
    return { id: "verifier-name-mismatch", why: `asked for ${serverName}; the certificate's names: ${names}` };
  }
  return { id: "ca-wrong", why: `the client does not trust the CA that issued ${leaf.subject}, ${leaf.issuer}` };
}

function carriesName({ sans }: CertificateFacts, name: string): boolean {
  const wanted = name.toLowerCase();
  return sans.some(({ kind, value }) => {
    if (kind !== "dns") return value === name;
    const pattern = value.toLowerCase();
    return pattern === wanted || (pattern.startsWith("*.") && wanted.slice(wanted.indexOf(".")) === pattern.slice(1));
  });
}
