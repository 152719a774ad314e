import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { ekuOids, extensionOids, keyUsageBits } from "../extensions.js";
import { type Candidate, candidate, sameCertificate, signatureHash, signatureKeyType, signedBy } from "./candidate.js";
import { breachedConstraint } from "./name-constraints.js";
import { type OpensslErrorName, opensslAlert, opensslError } from "./openssl-errors.js";
import { strictFault } from "./openssl-strict.js";
import { certificateBits, hashBits, securityLevelBits } from "./security-level.js";
import type { Purpose, TrustQuestion, TrustVerdict } from "./verdict.js";

export interface OpensslQuestion extends TrustQuestion {
  /**
   * OpenSSL's security level, 0 to 5. 2 unless told: what Python 3.10 and later, Debian and Red Hat set; OpenSSL's own
   * default is 1, Node's 1, and `openssl verify` looks at none of it (0).
   */
  securityLevel?: number;
  /** X509_V_FLAG_PARTIAL_CHAIN: any certificate of the trust file is an anchor. Python sets it from 3.13 on. */
  partialChain?: boolean;
  /** X509_V_FLAG_X509_STRICT: what RFC 5280 asks of a CA's output. Python sets it from 3.13 on. */
  strict?: boolean;
  /** Whether `f*.example.org` counts in a server's name; true unless told, as in OpenSSL; Python says no. */
  partialWildcards?: boolean;
}

/**
 * The verdict of OpenSSL 3.0 and later about a presented chain, without partial chains, policies and revocation: the first
 * error that X509_verify_cert (crypto/x509/x509_vfy.c) would report, and the alert a TLS server sends for it.
 */
export function judgeOpenssl(question: OpensslQuestion): TrustVerdict {
  const [leaf, ...rest] = [...question.chain, ...(question.untrusted ?? [])].map(candidate);
  if (leaf === undefined) throw new RangeError("a chain has at least one certificate");
  const judge: Judge = {
    ...question,
    leaf,
    untrusted: rest,
    anchors: question.anchors.map(candidate),
    securityBits: securityLevelBits(question.securityLevel ?? 2),
  };
  if (certificateBits(leaf) < judge.securityBits) return refusal("EE_KEY_TOO_SMALL", 0, leaf);
  const built = buildPath(judge);
  if (built.fault !== undefined) return refusal(built.fault.error, built.fault.depth, built.fault.certificate);
  for (const check of [checkExtensions, checkSecurity, checkServerName, checkSignaturesAndDates, checkNames]) {
    const fault = check(built.path, judge);
    if (fault !== undefined) return refusal(fault.error, fault.depth, built.path[fault.depth]);
  }
  return { ok: true, path: built.path.map(({ certificate }) => certificate) };
}

interface Judge
  extends Pick<OpensslQuestion, "purpose" | "nowMs" | "serverName" | "partialChain" | "strict" | "partialWildcards"> {
  leaf: Candidate;
  untrusted: readonly Candidate[];
  anchors: readonly Candidate[];
  /** Least security bits of keys and digests. */
  securityBits: number;
}

interface Fault {
  error: OpensslErrorName;
  depth: number;
}

/** The default depth of 100 intermediates, plus leaf. */
const maxDepth = 101;

function refusal(error: OpensslErrorName, depth: number, at: Candidate | undefined): TrustVerdict {
  const alert = opensslAlert(error);
  return { ok: false, error: opensslError(error), depth, certificate: at?.certificate, alert };
}

type PathQuestion = Pick<Judge, "leaf" | "untrusted" | "anchors" | "nowMs" | "partialChain">;

interface BuiltPath {
  /** As far as it was built. */
  path: Candidate[];
  fault?: Fault & { certificate: Candidate };
}

/**
 * What OpenSSL sends of a certificate file: the file as it is; to a leaf that stands alone in it, the issuers that are found
 * in its trust store are added, the root too (ssl_add_cert_chain, ssl/statem/statem_lib.c).
 */
export function opensslSends(
  file: readonly X509Certificate[],
  store: readonly X509Certificate[],
  nowMs: number,
): X509Certificate[] {
  const [leaf] = file;
  if (leaf === undefined || file.length > 1) return [...file];
  const question = { leaf: candidate(leaf), untrusted: [], anchors: store.map((one) => candidate(one)), nowMs };
  return buildPath(question).path.map(({ certificate }) => certificate);
}

/** Trusted first: at each step the anchors are asked for an issuer before what the peer sent (build_chain). */
function buildPath({ leaf, untrusted, anchors, nowMs, partialChain }: PathQuestion): BuiltPath {
  const path = [leaf];
  const remaining = [...untrusted];
  let trustedCount = 0;
  for (;;) {
    const current = path.at(-1)!;
    const found = path.length > maxDepth ? undefined : trustedIssuer(current, anchors, nowMs);
    if (found !== undefined) {
      trustedCount++;
      // An anchor that the peer sent itself takes the place of the sent copy.
      if (isSelfSigned(current)) path[path.length - 1] = found;
      else path.push(found);
      if (partialChain || isSelfSigned(found)) return { path };
      continue;
    }
    const issuer = trustedCount > 0 ? undefined : sentIssuer(path, remaining, nowMs);
    if (issuer === undefined) {
      // Last resort of a partial chain: the leaf itself is in the trust file.
      if (partialChain && anchors.some((one) => sameCertificate(one, leaf))) return { path: [leaf] };
      return { path, fault: { ...unfinished(path, trustedCount), certificate: current } };
    }
    remaining.splice(remaining.indexOf(issuer), 1);
    path.push(issuer);
  }
}

function trustedIssuer(current: Candidate, anchors: readonly Candidate[], nowMs: number): Candidate | undefined {
  const issuer = bestIssuer(current, anchors, nowMs);
  // Another self-signed certificate of the same name is no proof of anything: it must be the very one.
  const isMimic = issuer !== undefined && isSelfSigned(current) && !sameCertificate(current, issuer);
  return isMimic ? undefined : issuer;
}

function sentIssuer(path: readonly Candidate[], remaining: readonly Candidate[], nowMs: number): Candidate | undefined {
  const current = path.at(-1)!;
  if (isSelfSigned(current) || path.length > maxDepth) return undefined;
  const mayRepeat = current.isSelfIssued && path.length === 1;
  const fresh = mayRepeat ? remaining : remaining.filter((one) => !path.some((other) => sameCertificate(one, other)));
  return bestIssuer(current, fresh, nowMs);
}

function unfinished(path: readonly Candidate[], trustedCount: number): Fault {
  const depth = path.length - 1;
  if (path.length > maxDepth) return { error: "CERT_CHAIN_TOO_LONG", depth };
  if (isSelfSigned(path[depth]!)) {
    return { error: depth === 0 ? "DEPTH_ZERO_SELF_SIGNED_CERT" : "SELF_SIGNED_CERT_IN_CHAIN", depth };
  }
  return { error: trustedCount > 0 ? "UNABLE_TO_GET_ISSUER_CERT" : "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", depth };
}

/** The first issuer that is valid now, else the one that expires last. */
function bestIssuer(subject: Candidate, among: readonly Candidate[], nowMs: number): Candidate | undefined {
  const issuers = among.filter((issuer) => isLikelyIssuer(issuer, subject));
  const latest = issuers.reduce<Candidate | undefined>(
    (best, one) => (best === undefined || one.fields.notAfterMs > best.fields.notAfterMs ? one : best),
    undefined,
  );
  return issuers.find((issuer) => dateFault(issuer, nowMs) === undefined) ?? latest;
}

/** Names, key identifiers and kinds of key fit; signatures are looked at when the path is complete. */
function isLikelyIssuer(issuer: Candidate, subject: Candidate): boolean {
  if (issuer.subjectKey !== subject.issuerKey) return false;
  if (issuer.invalid !== undefined || subject.invalid !== undefined) return false;
  return keyIdsFit(issuer, subject) && keyTypeFits(issuer, subject);
}

function keyIdsFit(issuer: Candidate, subject: Candidate): boolean {
  const wanted = subject.authorityKeyId;
  if (wanted === undefined) return true;
  if (wanted.keyId && issuer.subjectKeyId && !wanted.keyId.equals(issuer.subjectKeyId)) return false;
  if (wanted.serial && !wanted.serial.equals(issuer.fields.serial)) return false;
  return wanted.issuer === undefined || wanted.issuer.equals(issuer.fields.issuer);
}

function keyTypeFits(issuer: Candidate, subject: Candidate): boolean {
  const wanted = signatureKeyType(subject.signature);
  const found = issuer.publicKey?.asymmetricKeyType;
  return wanted === found || (wanted === "rsa" && found === "rsa-pss");
}

function isSelfSigned(one: Candidate): boolean {
  return one.isSelfIssued && keyIdsFit(one, one) && keyTypeFits(one, one);
}

/** Extensions this OpenSSL handles when they are critical (X509_supported_extension). */
const handledCritical: ReadonlySet<string> = new Set<string>([
  extensionOids.netscapeCertType,
  extensionOids.keyUsage,
  extensionOids.subjectAltName,
  extensionOids.basicConstraints,
  extensionOids.certificatePolicies,
  extensionOids.crlDistributionPoints,
  extensionOids.extendedKeyUsage,
  extensionOids.ipAddressBlocks,
  extensionOids.autonomousSystems,
  extensionOids.policyConstraints,
  extensionOids.proxyCertInfo,
  extensionOids.nameConstraints,
  extensionOids.policyMappings,
  extensionOids.inhibitAnyPolicy,
]);

function checkExtensions(path: readonly Candidate[], { purpose, strict }: Judge): Fault | undefined {
  let pathLength = 0;
  for (const [depth, one] of path.entries()) {
    if (one.criticalOids.some((oid) => !handledCritical.has(oid)))
      return { error: "UNHANDLED_CRITICAL_EXTENSION", depth };
    if (one.fields.extensions.some(({ oid }) => oid === extensionOids.proxyCertInfo)) {
      return { error: "PROXY_CERTIFICATES_NOT_ALLOWED", depth };
    }
    const isTop = depth === path.length - 1;
    if (depth > 0 && !isAcceptableCa(one, isTop && !strict)) return { error: "INVALID_CA", depth };
    const slack = strict && path.length > 1 ? strictFault(one, isTop) : undefined;
    if (slack !== undefined) return { error: slack, depth };
    if (!fitsPurpose(one, purpose, depth > 0)) return { error: "INVALID_PURPOSE", depth };
    const limit = one.basicConstraints?.pathLength;
    if (depth > 1 && limit !== undefined && pathLength > limit) return { error: "PATH_LENGTH_EXCEEDED", depth };
    if (depth > 0 && !one.isSelfIssued) pathLength++;
  }
  return undefined;
}

/** Below the anchor a CA must say CA:TRUE; an anchor may also be of version 1, or have keyCertSign only (check_ca). */
function isAcceptableCa(one: Candidate, isTop: boolean): boolean {
  if (one.invalid !== undefined) return false;
  if (one.keyUsage !== undefined && !one.keyUsage.has(keyUsageBits.keyCertSign)) return false;
  if (one.basicConstraints !== undefined) return one.basicConstraints.ca;
  return isTop && ((one.fields.version === 1 && isSelfSigned(one)) || one.keyUsage !== undefined);
}

function fitsPurpose(one: Candidate, purpose: Purpose, isCa: boolean): boolean {
  const wanted = purpose === "client" ? ekuOids.clientAuth : ekuOids.serverAuth;
  if (one.extendedKeyUsage !== undefined && !one.extendedKeyUsage.includes(wanted)) return false;
  if (isCa || one.keyUsage === undefined) return true;
  const { digitalSignature, keyAgreement, keyEncipherment } = keyUsageBits;
  const bits =
    purpose === "client" ? [digitalSignature, keyAgreement] : [digitalSignature, keyAgreement, keyEncipherment];
  return bits.some((bit) => one.keyUsage?.has(bit));
}

function checkSecurity(path: readonly Candidate[], { securityBits }: Judge): Fault | undefined {
  for (const [depth, one] of path.entries()) {
    if (depth > 0 && certificateBits(one) < securityBits) return { error: "CA_KEY_TOO_SMALL", depth };
    const isAnchor = depth === path.length - 1;
    if (!isAnchor && hashBits(signatureHash(one.signature)) < securityBits) return { error: "CA_MD_TOO_WEAK", depth };
  }
  return undefined;
}

/** The common name counts when the leaf has no DNS name; an address counts among the alternative names only. */
function checkServerName(
  [leaf]: readonly Candidate[],
  { serverName, partialWildcards = true }: Judge,
): Fault | undefined {
  if (serverName === undefined) return undefined;
  const { certificate } = leaf!;
  if (isIP(serverName) !== 0) {
    return certificate.checkIP(serverName) === undefined ? { error: "IP_ADDRESS_MISMATCH", depth: 0 } : undefined;
  }
  const isNamed = certificate.checkHost(serverName, { partialWildcards }) !== undefined;
  return isNamed ? undefined : { error: "HOSTNAME_MISMATCH", depth: 0 };
}

/** From the anchor down; the anchor's signature over itself proves nothing and is not looked at. */
function checkSignaturesAndDates(path: readonly Candidate[], { nowMs }: Judge): Fault | undefined {
  for (let depth = path.length - 1; depth >= 0; depth--) {
    const [one, issuer] = [path[depth]!, path[depth + 1]];
    if (issuer !== undefined) {
      if (issuer.keyUsage !== undefined && !issuer.keyUsage.has(keyUsageBits.keyCertSign)) {
        return { error: "KEYUSAGE_NO_CERTSIGN", depth: depth + 1 };
      }
      if (issuer.publicKey === undefined) return { error: "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY", depth: depth + 1 };
      if (!signedBy(one, issuer)) return { error: "CERT_SIGNATURE_FAILURE", depth };
    }
    const error = dateFault(one, nowMs);
    if (error !== undefined) return { error, depth };
  }
  return undefined;
}

function dateFault({ fields }: Candidate, nowMs: number): OpensslErrorName | undefined {
  if (fields.notBeforeMs > nowMs) return "CERT_NOT_YET_VALID";
  return fields.notAfterMs < nowMs ? "CERT_HAS_EXPIRED" : undefined;
}

function checkNames(path: readonly Candidate[]): Fault | undefined {
  for (let depth = path.length - 1; depth >= 0; depth--) {
    const one = path[depth]!;
    if (depth !== 0 && one.isSelfIssued) continue;
    for (let above = path.length - 1; above > depth; above--) {
      const error = breachedConstraint(one, path[above]!, depth === 0);
      if (error !== undefined) return { error, depth };
    }
  }
  return undefined;
}
