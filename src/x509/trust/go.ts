import { ekuOids, extensionOids, keyUsageBits } from "../extensions.js";
import { type Candidate, candidate, sameCertificate, signatureHash, signatureKeyType, signedBy } from "./candidate.js";
import { goNameFault } from "./go-server-name.js";
import { breachedConstraint } from "./name-constraints.js";
import type { Purpose, TrustQuestion, TrustVerdict } from "./verdict.js";

/**
 * The verdict of Go's crypto/x509 (Certificate.Verify, Go 1.26) about a presented chain: every certificate of the pool is
 * an anchor, an intermediate too; extended key usages nest from the anchor down. `alert` is what a Go TLS server sends about
 * a client, and a client about its server.
 */
export function judgeGo(question: TrustQuestion): TrustVerdict {
  const [leaf, ...rest] = [...question.chain, ...(question.untrusted ?? [])].map(candidate);
  if (leaf === undefined) throw new RangeError("a chain has at least one certificate");
  const { nowMs, purpose } = question;
  const search: Search = { roots: question.anchors.map(candidate), intermediates: rest, nowMs, checks: 0 };
  const invalid = invalidity(leaf, "leaf", [], nowMs);
  if (invalid !== undefined) return refusal(invalid, 0, leaf, purpose);
  const misnamed = question.serverName === undefined ? undefined : goNameFault(leaf, question.serverName);
  if (misnamed !== undefined) return { ...refusal("HostnameError", 0, leaf, purpose), error: hostnameError(misnamed) };
  const isAnchor = search.roots.some((root) => sameCertificate(root, leaf));
  const built = isAnchor ? { paths: [[leaf]] } : buildPaths([leaf], search);
  if (built.fault !== undefined) return refusal(built.fault.error, built.fault.depth, built.fault.certificate, purpose);
  const usage = purpose === "client" ? ekuOids.clientAuth : ekuOids.serverAuth;
  const usable = built.paths.filter((path) => allowsUsage(path, usage));
  const path = usable.find((one) => !breaksConstraints(one));
  if (path !== undefined) return { ok: true, path: path.map(({ certificate }) => certificate) };
  return refusal(usable.length > 0 ? "CANotAuthorizedForThisName" : "IncompatibleUsage", 0, leaf, purpose);
}

const texts = {
  UnknownAuthorityError: "certificate signed by unknown authority",
  Expired: "certificate has expired or is not yet valid",
  NotAuthorizedToSign: "certificate is not authorized to sign other certificates",
  TooManyIntermediates: "too many intermediates for path length constraint",
  IncompatibleUsage: "certificate specifies an incompatible key usage",
  CANotAuthorizedForThisName: "a root or intermediate certificate is not authorized to sign for this name",
  UnhandledCriticalExtension: "unhandled critical extension",
  HostnameError: "certificate is not valid for the name",
} as const;

type GoErrorName = keyof typeof texts;

interface Search {
  roots: readonly Candidate[];
  intermediates: readonly Candidate[];
  nowMs: number;
  /** Signatures looked at; Go gives up after 100. */
  checks: number;
}

interface PathFault {
  error: GoErrorName;
  depth: number;
  certificate: Candidate;
}

interface Built {
  paths: Candidate[][];
  fault?: PathFault;
}

const maxChecks = 100;

type Refusal = Extract<TrustVerdict, { ok: false }>;

/** Alerts of processCertsFromClient (crypto/tls/handshake_server.go); a client sends 42 whatever it dislikes. */
function refusal(name: GoErrorName, depth: number, at: Candidate, purpose: Purpose): Refusal {
  const alert = purpose === "server" ? 42 : name === "UnknownAuthorityError" ? 48 : name === "Expired" ? 45 : 42;
  const text = `x509: ${texts[name]}`;
  return { ok: false, error: { number: 0, name, text }, depth, certificate: at.certificate, alert };
}

function hostnameError(text: string): Refusal["error"] {
  return { number: 0, name: "HostnameError", text: `x509: ${text}` };
}

/** All paths to an anchor. The fault is that of the last parent looked at, as in Go, when no path is found. */
function buildPaths(below: readonly Candidate[], search: Search): Built {
  const subject = below.at(-1)!;
  const paths: Candidate[][] = [];
  let fault: PathFault | undefined;
  const parents = [
    ...potentialParents(subject, search.roots).map((parent) => ({ parent, kind: "root" as const })),
    ...potentialParents(subject, search.intermediates).map((parent) => ({ parent, kind: "intermediate" as const })),
  ];
  for (const { parent, kind } of parents) {
    if (++search.checks > maxChecks) break;
    if (isInPath(parent, below) || !maySign(parent, subject)) continue;
    const invalid = invalidity(parent, kind, below, search.nowMs);
    fault = invalid && { error: invalid, depth: below.length, certificate: parent };
    if (fault !== undefined) continue;
    if (kind === "root") paths.push([...below, parent]);
    else {
      const built = buildPaths([...below, parent], search);
      paths.push(...built.paths);
      fault = built.fault;
    }
  }
  if (paths.length > 0) return { paths };
  return { paths, fault: fault ?? { error: "UnknownAuthorityError", depth: below.length - 1, certificate: subject } };
}

/** Names are compared byte by byte; a fitting key identifier only comes first. */
function potentialParents(subject: Candidate, pool: readonly Candidate[]): Candidate[] {
  const wanted = subject.authorityKeyId?.keyId ?? Buffer.alloc(0);
  const rank = ({ subjectKeyId = Buffer.alloc(0) }: Candidate) => {
    if (subjectKeyId.equals(wanted)) return 0;
    return subjectKeyId.length === 0 || wanted.length === 0 ? 1 : 2;
  };
  return pool
    .filter(({ fields }) => fields.subject.equals(subject.fields.issuer))
    .map((parent, index) => ({ parent, index }))
    .sort((a, b) => rank(a.parent) - rank(b.parent) || a.index - b.index)
    .map(({ parent }) => parent);
}

/** Go takes two certificates with one subject, key and alternative names for the same (alreadyInChain). */
function isInPath(one: Candidate, path: readonly Candidate[]): boolean {
  const altNames = (of: Candidate) =>
    of.fields.extensions.find(({ oid }) => oid === extensionOids.subjectAltName)?.value ?? Buffer.alloc(0);
  return path.some(
    (other) =>
      other.fields.subject.equals(one.fields.subject) &&
      other.fields.publicKeyInfo.equals(one.fields.publicKeyInfo) &&
      altNames(other).equals(altNames(one)),
  );
}

/** CheckSignatureFrom: constraints of the parent, then the signature; SHA-1 and MD5 are refused, RSA below 1024 bits too. */
function maySign(parent: Candidate, subject: Candidate): boolean {
  if (parent.fields.version === 3 && parent.basicConstraints === undefined) return false;
  if (parent.basicConstraints !== undefined && !parent.basicConstraints.ca) return false;
  if (parent.keyUsage !== undefined && parent.keyUsage.size > 0 && !parent.keyUsage.has(keyUsageBits.keyCertSign)) {
    return false;
  }
  const hash = signatureHash(subject.signature);
  if (hash === undefined || hash === "sha1" || hash === "md5") return false;
  if (parent.publicKey === undefined) return false;
  if (signatureKeyType(subject.signature) !== parent.publicKey.asymmetricKeyType) return false;
  const { modulusLength } = parent.publicKey.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined && modulusLength < 1024) return false;
  return signedBy(subject, parent);
}

/** Extensions Go handles when they are critical (crypto/x509/parser.go). */
const handledCritical: ReadonlySet<string> = new Set<string>([
  extensionOids.keyUsage,
  extensionOids.basicConstraints,
  extensionOids.subjectAltName,
  extensionOids.nameConstraints,
  extensionOids.crlDistributionPoints,
  extensionOids.authorityKeyIdentifier,
  extensionOids.extendedKeyUsage,
  extensionOids.subjectKeyIdentifier,
  extensionOids.certificatePolicies,
  extensionOids.policyConstraints,
  extensionOids.policyMappings,
  extensionOids.inhibitAnyPolicy,
]);

function invalidity(
  one: Candidate,
  kind: "leaf" | "intermediate" | "root",
  below: readonly Candidate[],
  nowMs: number,
): GoErrorName | undefined {
  if (one.criticalOids.some((oid) => !handledCritical.has(oid))) return "UnhandledCriticalExtension";
  if (nowMs < one.fields.notBeforeMs || nowMs > one.fields.notAfterMs) return "Expired";
  if (kind === "intermediate" && !one.basicConstraints?.ca) return "NotAuthorizedToSign";
  const limit = one.basicConstraints?.pathLength;
  return limit !== undefined && below.length - 1 > limit ? "TooManyIntermediates" : undefined;
}

/** Each certificate of the path that names usages must name this one, or any (checkChainForKeyUsage). */
function allowsUsage(path: readonly Candidate[], usage: string): boolean {
  return path.every(({ extendedKeyUsage: usages }) => {
    if (usages === undefined || usages.length === 0) return true;
    return usages.includes(ekuOids.any) || usages.includes(usage);
  });
}

function breaksConstraints(path: readonly Candidate[]): boolean {
  return path.some((one, depth) =>
    path.slice(depth + 1).some((ca) => breachedConstraint(one, ca, false) !== undefined),
  );
}
