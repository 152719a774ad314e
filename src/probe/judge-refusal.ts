import { X509Certificate } from "node:crypto";
import { isoTime } from "../core/iso-time.js";
import { listed } from "../core/listed.js";
import { type FaultId, faults } from "../faults/faults.js";
import { judgeDates, judgeRefusedChain, type RefusedChainReason } from "../net/judge-refused-chain.js";
import { alertNumbers } from "../tls/alert.js";
import { protocolVersions, tls12 } from "../tls/tables/protocol.js";
import { type CertificateFacts, certificateFacts } from "../x509/certificate.js";
import { judgeOpenssl } from "../x509/trust/openssl.js";
import type { ConnectionStory } from "./connection-story.js";
import type { ProbeFinding } from "./report-schema.js";

export interface RefusalView {
  /** Of `--ca`, if given. */
  anchors: readonly X509Certificate[];
  nowMs: number;
  peer: string;
}

/** The likeliest fault behind a refusal, from the alert and from what was presented. */
export function judgeRefusal(story: ConnectionStory, view: RefusalView): ProbeFinding {
  const sent = (story.sentChain ?? []).map((der) => new X509Certificate(der));
  const [leaf] = sent;
  if (leaf === undefined) return judgeNothingSent(story, view);
  const facts = sent.map(certificateFacts);
  const alert = story.alert?.number;
  const refused =
    judgeDates(facts, view.nowMs) ??
    (alert === undefined ? undefined : judgeRefusedChain({ alert, chain: facts, known: [], nowMs: view.nowMs }));
  const known = refused && wordReason(refused, facts[0]!, view.peer);
  if (known !== undefined) return known;
  if (alert === alertNumbers.unknownCa) return judgeUnknownCa(sent, view);
  if (alert === alertNumbers.badCertificate) return finding("cert-weak", `${facts[0]!.subject}: ${keyText(facts[0]!)}`);
  return {
    id: "client-cert-refused",
    severity: "error",
    message: `the ${view.peer} refused ${facts[0]!.subject}`,
    hint: `look at the ${view.peer}'s log`,
  };
}

/** Undefined where the CA file, if one was given, tells more than the alert. */
function wordReason(refused: RefusedChainReason, leaf: CertificateFacts, peer: string): ProbeFinding | undefined {
  switch (refused.reason) {
    case "expired": {
      const { subject, notAfterMs } = refused.certificate;
      return finding("cert-expired", `${subject} expired at ${isoTime(notAfterMs)}`);
    }
    case "not-yet-valid": {
      const { subject, notBeforeMs } = refused.certificate;
      return finding("cert-not-yet-valid", `${subject} is not valid before ${isoTime(notBeforeMs)}`);
    }
    case "clocks-differ": {
      const valid = `by this host's clock it is valid until ${isoTime(leaf.notAfterMs)}`;
      return finding("cert-expired", `the ${peer} says that ${leaf.subject} has expired; ${valid}: compare the clocks`);
    }
    case "wrong-purpose":
    case "purpose-excluded": {
      const { subject, eku } = refused.certificate;
      const id = refused.reason === "wrong-purpose" ? "cert-no-client-auth" : "ca-eku-limits";
      return finding(id, `${subject} is for ${eku?.join(", ") ?? "something else"} only, not clientAuth`);
    }
    case "wrong-key":
      return finding("key-mismatch", `the ${peer} found that the signature does not fit ${leaf.subject}`);
    default:
      return undefined;
  }
}

function keyText({ keyType, keyBits }: { keyType: string | undefined; keyBits: number | undefined }): string {
  return `key ${keyType ?? "of an unknown kind"}${keyBits === undefined ? "" : ` of ${keyBits} bits`}`;
}

/** Alert 48 means a missing link or a missing anchor: which of them, `--ca` tells if it is the CA the peer should trust. */
function judgeUnknownCa(sent: readonly X509Certificate[], { anchors, nowMs, peer }: RefusalView): ProbeFinding {
  const [leaf] = sent.map(certificateFacts);
  const top = certificateFacts(sent.at(-1)!);
  if (anchors.length === 0) {
    const words = `the ${peer} trusts no CA that vouches for ${leaf!.subject}, issued by ${leaf!.issuer}`;
    const hint = `does the ${peer}'s trusted_client_ca hold the root above it? give --ca to have this judged`;
    return { ...finding("verifier-trust-empty", words), hint };
  }
  const question = { chain: sent, purpose: "client", nowMs, securityLevel: 0 } as const;
  const roots = anchors.filter((each) => each.checkIssued(each));
  if (judgeOpenssl({ ...question, anchors: roots }).ok) {
    const words = `${leaf!.subject} leads to a root of the CA file, so the ${peer} trusts less than that file, or nothing`;
    return finding("verifier-trust-empty", words);
  }
  if (judgeOpenssl({ ...question, anchors: roots, untrusted: anchors }).ok) {
    const words = `what was sent ends with ${top.subject}; its issuer ${top.issuer} was not sent`;
    return finding("cert-chain-incomplete", words);
  }
  const words = `${leaf!.subject} was issued by ${leaf!.issuer}, which the CA file does not vouch for`;
  if (/Keylime Certificate Authority/.test(leaf!.issuer)) return finding("plugin-default-cert", words);
  return {
    id: "client-cert-foreign",
    severity: "error",
    message: words,
    hint: `present a certificate below ${subjectOf(anchors)}`,
  };
}

const subjectOf = ([first]: readonly X509Certificate[]): string => certificateFacts(first!).issuer;

function judgeNothingSent(story: ConnectionStory, { peer }: RefusalView): ProbeFinding {
  if (story.withheld !== undefined) return finding("client-cert-not-sent", story.withheld);
  if (story.request !== undefined && story.candidate === undefined) {
    return {
      ...finding("client-cert-not-sent", `the ${peer} demands a client certificate`),
      hint: "present one: --cert and --key",
    };
  }
  return judgeHello(story, peer);
}

/** The server ended things at the ClientHello, or before it came to ask. */
function judgeHello({ alert, version, offeredVersions }: ConnectionStory, peer: string): ProbeFinding {
  const offered = listed(offeredVersions.map((each) => protocolVersions.name(each)));
  if (alert?.number === alertNumbers.unrecognizedName) {
    return finding("proxy-sni", `the ${peer} serves nothing under the server name it was asked for`);
  }
  if (alert?.number === alertNumbers.protocolVersion || (version !== undefined && version < tls12)) {
    const spoken = version === undefined ? "" : `, it speaks ${protocolVersions.name(version)}`;
    return nothingShared(
      `the ${peer} takes no version that was offered (${offered})${spoken}`,
      versionHint(offeredVersions),
    );
  }
  if (alert?.number === alertNumbers.handshakeFailure) {
    const message = `the ${peer} takes nothing of what was offered: ${offered}, ECDHE with AES-GCM or ChaCha20`;
    return nothingShared(message, "does it want another server name (--servername), or only older cipher suites?");
  }
  const message = `the ${peer} ended the handshake before a client certificate was asked for`;
  return { id: "tls-refused", severity: "error", message, hint: "try another --servername" };
}

function nothingShared(message: string, hint: string): ProbeFinding {
  return { id: "tls-no-common-parameters", severity: "error", message, hint };
}

function versionHint(offered: readonly number[]): string {
  if (offered.length === 1) return "offer both: --tls auto";
  return "configure the server for TLS 1.2 at least: Keylime, Go and today's OpenSSL speak nothing older";
}

function finding(id: FaultId, message: string): ProbeFinding {
  return { id, severity: "error", message, hint: faults[id].advice };
}
