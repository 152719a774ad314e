import type { FaultId } from "../../faults/faults.js";
import { stacks } from "../../x509/trust/stacks.js";
import type { FileFacts } from "../facts/files/file-facts.js";
import { endsOf, type Leg, type LegEnd, type LocatedCertificate, type Side, type SideVerdict } from "./leg.js";
import { judgeWith } from "./legs-of.js";
import { located, x509Of } from "./located.js";

/** A side of a leg that refuses the other. */
export interface Refusal {
  leg: Leg;
  side: Side;
  judge: LegEnd;
  presenter: LegEnd;
  verdict: Extract<SideVerdict, { is: "refuses" }>;
}

export function refusalsOf(legs: readonly Leg[]): Refusal[] {
  return legs.flatMap((leg) =>
    (["client", "server"] as const).flatMap((side): Refusal[] => {
      const verdict = leg.verdicts[side];
      return verdict.is === "refuses" ? [{ leg, side, ...endsOf(leg, side), verdict }] : [];
    }),
  );
}

/**
 * The fault behind a refusal: its error first, and where that only says that no issuer was found, what would have to be
 * different for the same judge to accept. Undefined for what no fault names, such as an unhandled critical extension.
 */
export function blame(refusal: Refusal, files: readonly FileFacts[], nowMs: number): FaultId | undefined {
  const { verdict, presenter, leg } = refusal;
  const usage = presenter === leg.client ? "clientAuth" : "serverAuth";
  switch (verdict.error.name) {
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
    case "Expired":
      return blameDates(verdict, nowMs);
    case "INVALID_PURPOSE":
    case "IncompatibleUsage":
      return blamePurpose(refusal, usage);
    case "EE_KEY_TOO_SMALL":
    case "CA_KEY_TOO_SMALL":
    case "CA_MD_TOO_WEAK":
      return "cert-weak";
    case "INVALID_CA":
    case "PATH_LENGTH_EXCEEDED":
    case "KEYUSAGE_NO_CERTSIGN":
    case "NotAuthorizedToSign":
    case "TooManyIntermediates":
    case "PERMITTED_VIOLATION":
    case "EXCLUDED_VIOLATION":
    case "SUBTREE_MINMAX":
    case "UNSUPPORTED_CONSTRAINT_TYPE":
    case "UNSUPPORTED_CONSTRAINT_SYNTAX":
    case "UNSUPPORTED_NAME_SYNTAX":
    case "CANotAuthorizedForThisName":
      return "ca-not-a-ca";
    case "UNABLE_TO_GET_ISSUER_CERT":
      return isReadInPart(refusal, nowMs) ? "ca-bundle-order" : "ca-bundle-incomplete";
    case "CA_BCONS_NOT_CRITICAL":
    case "CA_CERT_MISSING_KEY_USAGE":
    case "MISSING_AUTHORITY_KEY_IDENTIFIER":
    case "MISSING_SUBJECT_KEY_IDENTIFIER":
      return verdict.depth > 0 ? "ca-not-a-ca" : undefined;
    default:
      return noIssuer.has(verdict.error.name) ? blameIssuer(refusal, files, nowMs) : undefined;
  }
}

const noIssuer: ReadonlySet<string> = new Set([
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "CERT_SIGNATURE_FAILURE",
  "UnknownAuthorityError",
]);

function blameDates({ certificate }: Refusal["verdict"], nowMs: number): FaultId {
  const notAfterMs = certificate?.certificate.facts.notAfterMs ?? 0;
  return notAfterMs < nowMs ? "cert-expired" : "cert-not-yet-valid";
}

function blamePurpose({ verdict, presenter }: Refusal, usage: string): FaultId {
  const [leaf] = presenter.presented!.sent;
  const isLeaf = verdict.error.name === "INVALID_PURPOSE" ? verdict.depth === 0 : !allowsUsage(leaf, usage);
  if (!isLeaf) return "ca-eku-limits";
  return usage === "clientAuth" ? "cert-no-client-auth" : "cert-no-server-auth";
}

export function allowsUsage(one: LocatedCertificate | undefined, usage: string): boolean {
  const { eku } = one?.certificate.facts ?? {};
  return eku === undefined || eku.includes(usage);
}

function blameIssuer(refusal: Refusal, files: readonly FileFacts[], nowMs: number): FaultId {
  const { leg, judge, presenter } = refusal;
  const sent = presenter.presented!.sent;
  const trusted = judge.trust!.certificates;
  if (isReadInPart(refusal, nowMs)) return "ca-bundle-order";
  const isStale = leg.id === "verifier->agent" && wouldAccept(refusal, nowMs, sent, [...trusted, ...sent.slice(0, 1)]);
  if (isStale) return "verifier-wrong-db-cert";
  const pool = files.flatMap(located);
  // What this program saw of CAs is offered as if the presenter had sent it.
  const helped = wouldAccept(refusal, nowMs, sent, trusted, pool);
  if (helped) return presenter.stack === "keylime-agent" ? "agent-chain-not-sent" : "cert-chain-incomplete";
  if (judge.stack === "go" && sent.slice(1).some((one) => issuedByNoCa(one, sent))) return "ca-not-a-ca";
  return "ca-wrong";
}

/** Go says "unknown authority" of an issuer that is no CA. */
function issuedByNoCa(ca: LocatedCertificate, sent: readonly LocatedCertificate[]): boolean {
  const issued = sent.some((one) => one !== ca && one.certificate.facts.issuer === ca.certificate.facts.subject);
  return issued && !x509Of(ca).ca;
}

/** The judge reads less than its whole trust file, and the whole would do. */
function isReadInPart(refusal: Refusal, nowMs: number): boolean {
  const { judge, presenter } = refusal;
  const all = judge.trust!.certificates;
  if (stacks[judge.stack].reads(all.map(x509Of)).length === all.length) return false;
  return wouldAccept({ ...refusal, judge: { ...judge, stack: "openssl" } }, nowMs, presenter.presented!.sent, all);
}

function wouldAccept(
  { judge, presenter, leg }: Refusal,
  nowMs: number,
  sent: readonly LocatedCertificate[],
  trusted: readonly LocatedCertificate[],
  besides: readonly LocatedCertificate[] = [],
): boolean {
  const purpose = presenter === leg.client ? "client" : "server";
  return judgeWith(judge, sent, trusted, { purpose, nowMs }, besides).is === "accepts";
}
