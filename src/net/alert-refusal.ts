import type { FaultId } from "../faults/faults.js";
import type { CertificateFacts } from "../x509/certificate.js";
import type { Identity } from "./identity.js";
import { isoTime } from "./identity-warnings.js";
import type { Explanation, Situation } from "./peer-failure.js";
import { presentedChain } from "./presented-chain.js";

const badCertificate = 42;
const unsupportedCertificate = 43;
const certificateExpired = 45;
const certificateUnknown = 46;
const unknownCa = 48;
const protocolVersion = 70;
const certificateRequired = 116;
const unrecognizedName = 112;

/** What an alert says about what we presented: the alert, the certificate, and the likeliest fault the files show. */
export function explainAlert(alert: number, alertWords: string, situation: Situation): Explanation {
  const { role, target, identity, nowMs } = situation;
  const { code, hint } =
    identity === undefined ? { code: "alert" as const } : judgeAlert(alert, identity, situation, nowMs);
  const presented = identity === undefined || !isAboutCertificate(alert) ? "" : `; ${presentedText(identity)}`;
  const words = `${role.name} at ${target} ${alertWords}${presented}`;
  return { code, words, ...(hint === undefined ? {} : { hint }) };
}

function isAboutCertificate(alert: number): boolean {
  return (
    (alert >= badCertificate && alert <= unknownCa) || alert === certificateRequired || alert === 40 || alert === 49
  );
}

function presentedText(identity: Identity): string {
  const { files } = identity;
  const [leaf, ...above] = presentedChain(identity);
  if (leaf === undefined) return "no client certificate was presented";
  const more = above.length === 0 ? "and nothing above it" : `and ${above.length} above it`;
  const source = files.cert?.isDefault ? `default of ${files.cert.key}` : files.cert?.key;
  return `presented: ${leaf.subject}, issued by ${leaf.issuer} (${more}), from ${JSON.stringify(files.cert?.path)} (${source})`;
}

type Judgement = Pick<Explanation, "code" | "hint">;

function judgeAlert(alert: number, identity: Identity, { role, serverChain }: Situation, nowMs: number): Judgement {
  const [leaf] = identity.chain;
  if (alert === protocolVersion || alert === unrecognizedName)
    return { code: alert === unrecognizedName ? "proxy-sni" : "alert" };
  if (leaf === undefined || alert === certificateRequired)
    return {
      code: "client-cert-not-sent",
      hint:
        leaf === undefined
          ? "configure a client certificate and its key"
          : "did a proxy in between drop our certificate?",
    };
  const dated = judgeDates(identity.chain, nowMs);
  if (dated !== undefined && isAboutCertificate(alert)) return dated;
  if (alert === certificateExpired) {
    const hint = `by this host's clock it is valid until ${isoTime(leaf.notAfterMs)}: do the clocks of the hosts differ?`;
    return { code: "cert-expired", hint };
  }
  if (alert === unsupportedCertificate) return judgePurpose(identity.chain);
  if (![badCertificate, certificateUnknown, unknownCa].includes(alert)) return { code: "alert" };
  return judgeIssuer(identity, serverChain, role.refusal);
}

function judgeDates(chain: readonly CertificateFacts[], nowMs: number): Judgement | undefined {
  const expired = chain.find(({ notAfterMs }) => nowMs > notAfterMs);
  if (expired !== undefined)
    return { code: "cert-expired", hint: `renew it: ${expired.subject} expired at ${isoTime(expired.notAfterMs)}` };
  const early = chain.find(({ notBeforeMs }) => nowMs < notBeforeMs);
  if (early === undefined) return undefined;
  return {
    code: "cert-not-yet-valid",
    hint: `${early.subject} is not valid before ${isoTime(early.notBeforeMs)}: compare the clocks`,
  };
}

function judgePurpose([leaf, ...above]: readonly CertificateFacts[]): Judgement {
  const limited = above.find(({ eku }) => !allowsClients(eku));
  if (leaf !== undefined && allowsClients(leaf.eku) && limited !== undefined) {
    return { code: "ca-eku-limits", hint: `${limited.subject} is limited to ${limited.eku?.join(", ")}` };
  }
  return { code: "cert-no-client-auth", hint: "issue a certificate with the extended key usage clientAuth" };
}

function allowsClients(eku: readonly string[] | undefined): boolean {
  return eku === undefined || eku.includes("clientAuth") || eku.includes("anyExtendedKeyUsage");
}

function judgeIssuer(
  identity: Identity,
  serverChain: Situation["serverChain"],
  refusal: { samePki: FaultId; otherPki: FaultId },
): Judgement {
  const { trusted, files } = identity;
  if (files.cert?.isDefault)
    return { code: "plugin-default-cert", hint: `set ${files.cert.key} to a certificate the peer trusts` };
  const top = presentedChain(identity).at(-1)!;
  const known = [...trusted, ...(serverChain ?? [])];
  const issuerOfTop = known.find(({ subject }) => subject === top.issuer);
  if (issuerOfTop !== undefined && !issuerOfTop.isSelfIssued && !top.isSelfIssued) {
    const hint = `append the intermediate ${top.issuer} to ${files.cert?.path}, or let the peer trust it`;
    return { code: "cert-chain-incomplete", hint };
  }
  // The CA file vouched for the server's certificate, so an issuer found in it is of the server's own PKI.
  const isSamePki = issuerOfTop !== undefined || known.some(({ issuer }) => issuer === top.issuer);
  if (isSamePki)
    return {
      code: refusal.samePki,
      hint: "does its trusted_client_ca name a file that ends in the root? it was read when the service started",
    };
  return {
    code: refusal.otherPki,
    hint: `add the CA ${top.issuer} to its trusted_client_ca, or present a certificate that it trusts`,
  };
}
