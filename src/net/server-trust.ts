import { isoTime } from "../core/iso-time.js";
import { alternativeNamesText, type CertificateFacts } from "../x509/certificate.js";
import type { Identity } from "./identity.js";
import type { PeerErrorKind } from "./peer-error-kind.js";
import type { Explanation, Situation } from "./peer-failure.js";

interface Verification {
  /** OpenSSL's or Node's words. */
  reason: string;
  codes: readonly string[];
}

type TlsSituation = Situation & { identity: Identity };

/** Why our side refused the server: what it presented, which file judged it, and the likeliest fault. */
export function explainUntrustedServer(
  kind: PeerErrorKind,
  verification: Verification,
  situation: TlsSituation,
): Explanation {
  const { role, target, serverName } = situation;
  const [leaf] = situation.serverChain ?? [];
  const who = `${role.name} at ${target}`;
  const shown = leaf === undefined ? "" : `; it presented ${leaf.subject}, issued by ${leaf.issuer}`;
  if (kind === "server-name") {
    const names = leaf === undefined ? "unknown" : alternativeNamesText(leaf.sans);
    const key = role.serverNameKey === undefined ? "" : `set ${role.serverNameKey} to one of its names`;
    const words = `${who} presented a certificate that does not carry the name ${serverName}; its names: ${names}`;
    return { code: role.faults[kind] ?? kind, words, ...(key === "" ? {} : { hint: key }) };
  }
  if (kind === "server-expired") return explainDates(who, verification, situation);
  if (kind === "server-purpose") {
    const usage = leaf?.eku?.join(", ") ?? "any";
    const code = leaf?.eku !== undefined && !leaf.eku.includes("serverAuth") ? "cert-no-server-auth" : "ca-eku-limits";
    return {
      code,
      words: `${who} presented a certificate that may not be used by a server (extended key usage ${usage})${shown}`,
    };
  }
  if (kind === "server-weak")
    return {
      code: "cert-weak",
      words: `${who} presented a certificate that is too weak (${verification.reason})${shown}`,
    };
  return explainChain(who, shown, verification, situation);
}

function explainDates(
  who: string,
  { codes }: Verification,
  { serverChain = [], identity, nowMs }: TlsSituation,
): Explanation {
  const early = codes.includes("CERT_NOT_YET_VALID");
  const isBad = (each: CertificateFacts) => (early ? nowMs < each.notBeforeMs : nowMs > each.notAfterMs);
  const bad = [...serverChain, ...identity.trusted].find(isBad);
  const code = early ? "cert-not-yet-valid" : "cert-expired";
  const verb = early ? "is not valid before" : "expired at";
  const when = bad && isoTime(early ? bad.notBeforeMs : bad.notAfterMs);
  const words =
    bad === undefined
      ? `${who} presented a certificate outside its dates`
      : `${who} cannot be trusted: ${bad.subject} ${verb} ${when}`;
  return {
    code,
    words: `${words} (this host's clock: ${isoTime(nowMs)})`,
    hint: early ? "compare the clocks of both hosts" : "renew that certificate",
  };
}

function explainChain(
  who: string,
  shown: string,
  { reason, codes }: Verification,
  { role, serverChain = [], identity }: TlsSituation,
): Explanation {
  const { trusted, files } = identity;
  const file = `${JSON.stringify(files.ca.path)} (${files.ca.isDefault ? `default of ${files.ca.key}` : files.ca.key})`;
  const words = `${who} presented a certificate that CA file ${file} does not vouch for (${reason})${shown}; the file holds ${subjectsText(trusted)}`;
  if (codes.includes("INVALID_CA") || codes.includes("PATH_LENGTH_EXCEEDED")) return { code: "ca-not-a-ca", words };
  const issuers = new Set(serverChain.map(({ issuer }) => issuer));
  const named = trusted.find(({ subject }) => issuers.has(subject));
  if (
    named !== undefined &&
    !named.isSelfIssued &&
    !trusted.some((each) => each.isSelfIssued && each.subject === named.issuer)
  ) {
    return { code: "ca-bundle-incomplete", words, hint: `append the root ${named.issuer} to ${files.ca.path}` };
  }
  if (named !== undefined)
    return {
      code: "ca-wrong",
      words,
      hint: `a CA named ${named.subject} is in the file, with another key than the one that signed: renew the file`,
    };
  const [leaf] = serverChain;
  if (serverChain.length === 1 && leaf !== undefined && !leaf.isSelfIssued) {
    const hint = `it sent its leaf alone: add the CA ${leaf.issuer} and its root to ${files.ca.path}`;
    return { code: role.leafAlone, words, hint };
  }
  const top = serverChain.at(-1);
  const hint =
    top === undefined ? undefined : `configure a CA file that holds the root ${top.issuer} in ${files.ca.key}`;
  return { code: "ca-wrong", words, ...(hint === undefined ? {} : { hint }) };
}

function subjectsText(trusted: readonly CertificateFacts[]): string {
  const shown = trusted.slice(0, 3).map(({ subject }) => subject);
  const more = trusted.length > shown.length ? ` and ${trusted.length - shown.length} more` : "";
  return `${shown.join("; ")}${more}`;
}
