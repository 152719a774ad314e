import { canonicalName, extensionOids, keyUsageBits } from "../extensions.js";
import type { Candidate } from "./candidate.js";
import type { OpensslErrorName } from "./openssl-errors.js";

/** What X509_V_FLAG_X509_STRICT asks of each certificate of a path with an issuer in it (check_extensions, OpenSSL 3.0). */
export function strictFault(one: Candidate, isTop: boolean): OpensslErrorName | undefined {
  return rules.find(({ breaks }) => breaks(factsOf(one, isTop)))?.error;
}

interface Facts {
  one: Candidate;
  isTop: boolean;
  isCa: boolean;
  mayCertSign: boolean;
  hasName: { subject: boolean; issuer: boolean };
  altNames: { present: boolean; critical: boolean };
  isCritical: (oid: string) => boolean;
}

/** In OpenSSL's order: the first that breaks is the error. */
const rules: readonly { error: OpensslErrorName; breaks: (facts: Facts) => boolean }[] = [
  { error: "PATHLEN_INVALID_FOR_NON_CA", breaks: (f) => hasPathLength(f) && !f.isCa },
  { error: "PATHLEN_WITHOUT_KU_KEY_CERT_SIGN", breaks: (f) => hasPathLength(f) && !f.mayCertSign },
  { error: "CA_BCONS_NOT_CRITICAL", breaks: (f) => f.isCa && !f.isCritical(extensionOids.basicConstraints) },
  { error: "CA_CERT_MISSING_KEY_USAGE", breaks: (f) => f.isCa && f.one.keyUsage === undefined },
  {
    error: "KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA",
    breaks: (f) => !f.isCa && f.one.keyUsage !== undefined && f.mayCertSign,
  },
  { error: "ISSUER_NAME_EMPTY", breaks: (f) => !f.hasName.issuer },
  { error: "SUBJECT_NAME_EMPTY", breaks: (f) => !f.hasName.subject && (f.isCa || !f.altNames.present) },
  {
    error: "EMPTY_SUBJECT_SAN_NOT_CRITICAL",
    breaks: (f) => !f.hasName.subject && f.altNames.present && !f.altNames.critical,
  },
  { error: "EMPTY_SUBJECT_ALT_NAME", breaks: (f) => f.altNames.present && f.one.altNames.length === 0 },
  { error: "AUTHORITY_KEY_IDENTIFIER_CRITICAL", breaks: (f) => f.isCritical(extensionOids.authorityKeyIdentifier) },
  { error: "SUBJECT_KEY_IDENTIFIER_CRITICAL", breaks: (f) => f.isCritical(extensionOids.subjectKeyIdentifier) },
  {
    error: "MISSING_AUTHORITY_KEY_IDENTIFIER",
    breaks: ({ one, isTop }) => one.fields.version === 3 && !isTop && one.authorityKeyId?.keyId === undefined,
  },
  {
    error: "MISSING_SUBJECT_KEY_IDENTIFIER",
    breaks: ({ one, isCa }) => one.fields.version === 3 && isCa && one.subjectKeyId === undefined,
  },
  {
    error: "EXTENSIONS_REQUIRE_VERSION_3",
    breaks: ({ one }) => one.fields.version !== 3 && one.fields.extensions.length > 0,
  },
];

const hasPathLength = ({ one }: Facts): boolean => one.basicConstraints?.pathLength !== undefined;

function factsOf(one: Candidate, isTop: boolean): Facts {
  const isCritical = (oid: string) => one.criticalOids.includes(oid);
  const isNamed = (name: Buffer) => canonicalName(name).length > 0;
  return {
    one,
    isTop,
    isCa: one.basicConstraints?.ca === true,
    // Without a key usage extension OpenSSL takes every use for allowed.
    mayCertSign: one.keyUsage === undefined || one.keyUsage.has(keyUsageBits.keyCertSign),
    hasName: { subject: isNamed(one.fields.subject), issuer: isNamed(one.fields.issuer) },
    altNames: {
      present: one.fields.extensions.some(({ oid }) => oid === extensionOids.subjectAltName),
      critical: isCritical(extensionOids.subjectAltName),
    },
    isCritical,
  };
}
