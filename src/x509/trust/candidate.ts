import { type KeyObject, X509Certificate } from "node:crypto";
import { type DerElement, DerReader, derTags, readDer, readOid } from "../der.js";
import {
  type AuthorityKeyId,
  type BasicConstraints,
  type CertificateFields,
  canonicalName,
  extensionOids,
  type NameConstraints,
  readAuthorityKeyId,
  readBasicConstraints,
  readBits,
  readCertificateFields,
  readExtendedKeyUsage,
  readGeneralNames,
  readNameConstraints,
  readSubjectKeyId,
} from "../extensions.js";

/** A certificate with everything the judges ask of it, read once. */
export interface Candidate {
  certificate: X509Certificate;
  fields: CertificateFields;
  /** Names in a form that compares as OpenSSL compares. */
  subjectKey: string;
  issuerKey: string;
  isSelfIssued: boolean;
  basicConstraints: BasicConstraints | undefined;
  keyUsage: Set<number> | undefined;
  extendedKeyUsage: string[] | undefined;
  subjectKeyId: Buffer | undefined;
  authorityKeyId: AuthorityKeyId | undefined;
  nameConstraints: NameConstraints | undefined;
  altNames: DerElement[];
  criticalOids: string[];
  /** undefined when node:crypto cannot use the key. */
  publicKey: KeyObject | undefined;
  /** OID of the signature algorithm, and of its hash where RSA-PSS names one. */
  signature: { oid: string; pssHashOid?: string };
  /** An extension that cannot be read: what it was. */
  invalid: string | undefined;
}

/** Reads a certificate. One that is no certificate is an error of node:crypto or a Problem; a broken extension is noted. */
export function candidate(source: X509Certificate | Buffer): Candidate {
  const certificate = source instanceof X509Certificate ? source : new X509Certificate(source);
  const fields = readCertificateFields(certificate.raw);
  const invalid: string[] = [];
  const extension = <T>(oid: string, read: (value: Buffer) => T): T | undefined => {
    const found = fields.extensions.find((one) => one.oid === oid);
    if (found === undefined) return undefined;
    try {
      return read(found.value);
    } catch {
      invalid.push(oid);
      return undefined;
    }
  };
  const [subjectKey, issuerKey] = [nameKey(fields.subject), nameKey(fields.issuer)];
  const read = {
    basicConstraints: extension(extensionOids.basicConstraints, readBasicConstraints),
    keyUsage: extension(extensionOids.keyUsage, readBits),
    extendedKeyUsage: extension(extensionOids.extendedKeyUsage, readExtendedKeyUsage),
    subjectKeyId: extension(extensionOids.subjectKeyIdentifier, readSubjectKeyId),
    authorityKeyId: extension(extensionOids.authorityKeyIdentifier, readAuthorityKeyId),
    nameConstraints: extension(extensionOids.nameConstraints, readNameConstraints),
    altNames: extension(extensionOids.subjectAltName, (value) => readGeneralNames(readDer(value, "names"))) ?? [],
  };
  return {
    certificate,
    fields,
    subjectKey,
    issuerKey,
    isSelfIssued: subjectKey === issuerKey,
    ...read,
    criticalOids: fields.extensions.filter(({ critical }) => critical).map(({ oid }) => oid),
    publicKey: usableKey(certificate),
    signature: readSignatureAlgorithm(fields.signatureAlgorithm),
    invalid: invalid[0],
  };
}

export function sameCertificate(a: Candidate, b: Candidate): boolean {
  return a.certificate.raw.equals(b.certificate.raw);
}

/** Whether `issuer`'s key made the signature on `subject`. */
export function signedBy(subject: Candidate, issuer: Candidate): boolean {
  if (issuer.publicKey === undefined) return false;
  try {
    return subject.certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

/** The kind of key that a signature algorithm needs, as node:crypto names it. */
export function signatureKeyType({ oid }: Candidate["signature"]): string | undefined {
  if (oid.startsWith("1.2.840.113549.1.1.")) return "rsa";
  if (oid.startsWith("1.2.840.10045.4.")) return "ec";
  return { "1.3.101.112": "ed25519", "1.3.101.113": "ed448" }[oid];
}

const hashOids: Record<string, string> = {
  "1.2.840.113549.1.1.4": "md5",
  "1.2.840.113549.1.1.5": "sha1",
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.113549.1.1.14": "sha224",
  "1.2.840.10045.4.1": "sha1",
  "1.2.840.10045.4.3.1": "sha224",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.3.14.3.2.26": "sha1",
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
  "2.16.840.1.101.3.4.2.4": "sha224",
  "1.3.101.112": "ed25519",
  "1.3.101.113": "ed448",
};

const rsaPss = "1.2.840.113549.1.1.10";

/** `sha256`, `sha1`, `md5`, …; the algorithm itself for Ed25519 and Ed448; undefined for one this program does not know. */
export function signatureHash({ oid, pssHashOid }: Candidate["signature"]): string | undefined {
  return hashOids[oid === rsaPss ? (pssHashOid ?? "") : oid];
}

function readSignatureAlgorithm(der: Buffer): Candidate["signature"] {
  const body = new DerReader(readDer(der, "signature algorithm").content, "signature algorithm");
  const oid = readOid(body.expect(derTags.oid));
  if (oid !== rsaPss) return { oid };
  return { oid, pssHashOid: readPssHash(body) };
}

/** RFC 4055 section 3.1: SHA-1 unless the parameters name another hash. */
function readPssHash(body: DerReader): string {
  const sha1 = "1.3.14.3.2.26";
  try {
    const hash = body.enter(derTags.sequence).optional(0xa0);
    if (hash === undefined) return sha1;
    return readOid(new DerReader(hash.content, "RSA-PSS parameters").enter(derTags.sequence).expect(derTags.oid));
  } catch {
    return "";
  }
}

function nameKey(name: Buffer): string {
  try {
    return canonicalName(name).join("/");
  } catch {
    return `#${name.toString("hex")}`;
  }
}

function usableKey(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey;
  } catch {
    return undefined;
  }
}
