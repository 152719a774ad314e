import type { DerElement } from "../der.js";
import { canonicalName, generalNameTags, nameValues } from "../extensions.js";
import type { Candidate } from "./candidate.js";

export type ConstraintBreach =
  | "PERMITTED_VIOLATION"
  | "EXCLUDED_VIOLATION"
  | "SUBTREE_MINMAX"
  | "UNSUPPORTED_CONSTRAINT_TYPE"
  | "UNSUPPORTED_CONSTRAINT_SYNTAX"
  | "UNSUPPORTED_NAME_SYNTAX";

const commonNameOid = "2.5.4.3";

/**
 * Whether a certificate's names stay within a CA's name constraints (RFC 5280 section 4.2.1.10), as OpenSSL 3.0 checks it:
 * subject name, then alternative names; of a leaf without DNS names also the common names that look like one.
 */
export function breachedConstraint(subject: Candidate, ca: Candidate, isLeaf: boolean): ConstraintBreach | undefined {
  const constraints = ca.nameConstraints;
  if (constraints === undefined) return undefined;
  if (constraints.hasDistances) return "SUBTREE_MINMAX";
  for (const name of constrainedNames(subject, isLeaf)) {
    const breach = judgeName(name, constraints.permitted, constraints.excluded);
    if (breach !== undefined) return breach;
  }
  return undefined;
}

function constrainedNames(subject: Candidate, isLeaf: boolean): DerElement[] {
  const directory = {
    tag: generalNameTags.directory as number,
    content: subject.fields.subject,
    raw: subject.fields.subject,
  };
  const names = canonicalName(subject.fields.subject).length > 0 ? [directory] : [];
  const hasDnsName = subject.altNames.some(({ tag }) => tag === generalNameTags.dns);
  const commonNames =
    isLeaf && !hasDnsName ? nameValues(subject.fields.subject, commonNameOid).filter(looksLikeHost) : [];
  return [...names, ...subject.altNames, ...commonNames.map(dnsName)];
}

function dnsName(text: string): DerElement {
  const content = Buffer.from(text, "latin1");
  return { tag: generalNameTags.dns, content, raw: content };
}

/** A common name counts as a host name when it has at least two labels of letters, digits and hyphens. */
function looksLikeHost(text: string): boolean {
  const label = "[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?";
  return text.length < 255 && new RegExp(`^${label}(?:\\.${label})+$`).test(text);
}

function judgeName(
  name: DerElement,
  permitted: readonly DerElement[],
  excluded: readonly DerElement[],
): ConstraintBreach | undefined {
  const ofKind = (list: readonly DerElement[]) => list.filter(({ tag }) => tag === name.tag);
  const allowed = ofKind(permitted).map((base) => matchName(name, base));
  const unusable = [...allowed, ...ofKind(excluded).map((base) => matchName(name, base))].find(
    (result) => typeof result === "string",
  );
  if (unusable !== undefined) return unusable as ConstraintBreach;
  if (allowed.length > 0 && !allowed.includes(true)) return "PERMITTED_VIOLATION";
  return ofKind(excluded).some((base) => matchName(name, base) === true) ? "EXCLUDED_VIOLATION" : undefined;
}

function matchName(name: DerElement, base: DerElement): boolean | ConstraintBreach {
  const [text, limit] = [name.content.toString("latin1"), base.content.toString("latin1")];
  switch (name.tag) {
    case generalNameTags.directory:
      return matchDirectory(name.content, base.content);
    case generalNameTags.dns:
      return matchHost(text, limit, true);
    case generalNameTags.email:
      return matchEmail(text, limit);
    case generalNameTags.uri:
      return matchUri(text, limit);
    case generalNameTags.ip:
      return matchIp(name.content, base.content);
    default:
      return "UNSUPPORTED_CONSTRAINT_TYPE";
  }
}

function matchDirectory(name: Buffer, base: Buffer): boolean {
  const [names, limits] = [canonicalName(name), canonicalName(base)];
  return limits.every((relative, i) => names[i] === relative);
}

/** An empty limit matches all; `.example.org` matches what is below it; for DNS a bare name also matches itself. */
function matchHost(name: string, limit: string, withSubdomains: boolean): boolean {
  const [host, base] = [name.toLowerCase(), limit.toLowerCase()];
  if (base === "") return true;
  if (base.startsWith(".")) return host.length > base.length && host.endsWith(base);
  return host === base || (withSubdomains && host.endsWith(`.${base}`));
}

function matchEmail(name: string, limit: string): boolean | ConstraintBreach {
  const at = name.lastIndexOf("@");
  if (at < 0) return "UNSUPPORTED_NAME_SYNTAX";
  const [local, host] = [name.slice(0, at), name.slice(at + 1)];
  const limitAt = limit.lastIndexOf("@");
  if (limitAt > 0 && limit.slice(0, limitAt) !== local) return false;
  return matchHost(host, limit.slice(limitAt + 1), false);
}

function matchUri(name: string, limit: string): boolean | ConstraintBreach {
  const host = /^[^:]*:\/\/([^/:?#]*)/.exec(name)?.[1];
  return host === undefined || host === "" ? "UNSUPPORTED_NAME_SYNTAX" : matchHost(host, limit, false);
}

/** An address and a network with its mask, both IPv4 or both IPv6; others do not meet. */
function matchIp(address: Buffer, network: Buffer): boolean | ConstraintBreach {
  if (address.length !== 4 && address.length !== 16) return "UNSUPPORTED_NAME_SYNTAX";
  if (network.length !== 8 && network.length !== 32) return "UNSUPPORTED_CONSTRAINT_SYNTAX";
  if (network.length !== address.length * 2) return false;
  const mask = network.subarray(address.length);
  return address.every((byte, i) => ((byte ^ network[i]!) & mask[i]!) === 0);
}
