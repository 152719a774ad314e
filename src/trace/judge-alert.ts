import { isoTime } from "../core/iso-time.js";
import type { FaultId } from "../faults/faults.js";
import {
  judgeDates,
  judgePurpose,
  judgeRefusedChain,
  type RefusedChainReason,
  refusedChainFaults,
} from "../net/judge-refused-chain.js";
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
  /** The client sent a CertificateVerify. */
  isKeyShown: boolean;
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

const { badCertificate, certificateExpired, certificateUnknown, handshakeFailure, unknownCa } = alertNumbers;
const aboutTrust: ReadonlySet<number> = new Set([badCertificate, certificateUnknown, unknownCa]);
const unrecognizedName = 112;

function judgeServerAlert(refusal: Refusal): SuspectedFault | undefined {
  const { alert, clientChain, serverChain, isKeyShown, nowMs } = refusal;
  if (alert === unrecognizedName) return { id: "proxy-sni", why: "the server serves no host of the name in the hello" };
  if (clientChain === undefined && alert !== alertNumbers.certificateRequired) return undefined;
  const chain = clientChain ?? [];
  const refused = judgeRefusedChain({ alert, chain, known: serverChain, nowMs });
  // Java ends a handshake so when the signature does not fit the certificate.
  if (refused === undefined && alert === handshakeFailure && isKeyShown)
    return { id: "key-mismatch", why: "it came after the client's CertificateVerify, so its signature may not fit" };
  return refused && { id: faultOf(refused, refusal), why: whyOf(refused) };
}

/** Faults of a server that refuses its own PKI's certificates, by Keylime's default ports; the verifier's otherwise. */
const refusalsByPort: Record<number, { samePki: FaultId; otherPki: FaultId }> = {
  8891: { samePki: "registrar-refuses-client", otherPki: "registrar-refuses-client" },
  9002: { samePki: "agent-refuses-client", otherPki: "agent-refuses-client" },
};
const verifierRefusals = { samePki: "verifier-trust-empty", otherPki: "ca-wrong" } as const;

function faultOf({ reason }: RefusedChainReason, { serverPort }: Refusal): FaultId {
  const { samePki, otherPki } = refusalsByPort[serverPort] ?? verifierRefusals;
  if (reason === "same-pki") return samePki;
  return reason === "other-pki" ? otherPki : refusedChainFaults[reason];
}

function whyOf(refused: RefusedChainReason): string {
  switch (refused.reason) {
    case "none-sent":
      return "the client answered the certificate request with an empty list";
    case "expired":
      return `${refused.certificate.subject} expired at ${isoTime(refused.certificate.notAfterMs)}`;
    case "not-yet-valid":
      return `${refused.certificate.subject} is not valid before ${isoTime(refused.certificate.notBeforeMs)}`;
    case "clocks-differ":
      return "by the capture's clock it is valid: the clocks of the hosts may differ";
    case "wrong-purpose":
      return purposeText(refused.certificate);
    case "purpose-excluded":
      return `${refused.certificate.subject} is limited to ${refused.certificate.eku?.join(", ")}`;
    case "wrong-key":
      return "the signature in the client's CertificateVerify did not fit its certificate";
    case "issuer-not-sent":
      return `the client sent nothing above ${refused.certificate.subject}, and its issuer ${refused.certificate.issuer} is an intermediate`;
    case "same-pki":
      return `client and server certificates come from the same CA, ${refused.certificate.issuer}`;
    case "other-pki":
      return `the client's chain ends at ${refused.certificate.issuer}, which issued nothing the server presented`;
  }
}

function purposeText({ eku }: CertificateFacts): string {
  return eku === undefined
    ? "the leaf is not meant for this use"
    : `the leaf's extended key usage is ${eku.join(", ")}`;
}

/** A client's judgement of the server's chain is told with the same reasons, which carry the server's certificates. */
function judgeClientAlert(refusal: Refusal): SuspectedFault | undefined {
  const { alert, serverChain, serverName, nowMs } = refusal;
  const [leaf] = serverChain;
  if (leaf === undefined) return undefined;
  const isAboutPurpose = alert === alertNumbers.unsupportedCertificate;
  if (!aboutTrust.has(alert) && alert !== certificateExpired && !isAboutPurpose) return undefined;
  const dated = judgeDates(serverChain, nowMs);
  if (dated !== undefined) return { id: faultOf(dated, refusal), why: whyOf(dated) };
  if (alert === certificateExpired) return { id: "cert-expired", why: "by the capture's clock it is valid" };
  const purpose = alert === unknownCa ? undefined : judgePurpose(serverChain, "serverAuth");
  if (purpose !== undefined || isAboutPurpose)
    return purposeFault(purpose ?? { reason: "wrong-purpose", certificate: leaf });
  // Go says bad_certificate whatever it found; OpenSSL and Java tell an unknown issuer from the rest.
  if (alert !== unknownCa && serverName !== undefined && !carriesName(leaf, serverName)) {
    const names = leaf.sans.map(({ value }) => value).join(", ") || "none";
    return { id: "verifier-name-mismatch", why: `asked for ${serverName}; the certificate's names: ${names}` };
  }
  return { id: "ca-wrong", why: `the client does not trust the CA that issued ${leaf.subject}, ${leaf.issuer}` };
}

function purposeFault(purpose: RefusedChainReason): SuspectedFault {
  return { id: purpose.reason === "wrong-purpose" ? "cert-no-server-auth" : "ca-eku-limits", why: whyOf(purpose) };
}

function carriesName({ sans }: CertificateFacts, name: string): boolean {
  const wanted = name.toLowerCase();
  return sans.some(({ kind, value }) => {
    if (kind !== "dns") return value === name;
    const pattern = value.toLowerCase();
    return pattern === wanted || (pattern.startsWith("*.") && wanted.slice(wanted.indexOf(".")) === pattern.slice(1));
  });
}
