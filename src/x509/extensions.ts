import { type DerElement, DerReader, derTags, readDer, readOid, readSmallInteger, readTime } from "./der.js";

/** The fields of a certificate that trust decisions need and node:crypto does not tell (RFC 5280 section 4.1). */
export interface CertificateFields {
  /** 1, 2 or 3. */
  version: number;
  serial: Buffer;
  /** DER of the AlgorithmIdentifier the certificate is signed with. */
  signatureAlgorithm: Buffer;
  /** DER of the names. */
  issuer: Buffer;
  subject: Buffer;
  notBeforeMs: number;
  notAfterMs: number;
  /** DER of the SubjectPublicKeyInfo. */
  publicKeyInfo: Buffer;
  extensions: CertificateExtension[];
}

export interface CertificateExtension {
  oid: string;
  critical: boolean;
  value: Buffer;
}

export const extensionOids = {
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  issuerAltName: "2.5.29.18",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  crlDistributionPoints: "2.5.29.31",
  certificatePolicies: "2.5.29.32",
  policyMappings: "2.5.29.33",
  authorityKeyIdentifier: "2.5.29.35",
  policyConstraints: "2.5.29.36",
  extendedKeyUsage: "2.5.29.37",
  inhibitAnyPolicy: "2.5.29.54",
  netscapeCertType: "2.16.840.1.113730.1.1",
  proxyCertInfo: "1.3.6.1.5.5.7.1.14",
  ipAddressBlocks: "1.3.6.1.5.5.7.1.7",
  autonomousSystems: "1.3.6.1.5.5.7.1.8",
} as const;

/** Reads the outer structure of a certificate; what the extensions hold is read by the functions below. */
export function readCertificateFields(der: Buffer): CertificateFields {
  const what = "certificate";
  const tbs = new DerReader(readDer(der, what).content, what).enter(derTags.sequence);
  const version = tbs.optional(0xa0);
  const serial = tbs.expect(derTags.integer).content;
  const signatureAlgorithm = tbs.expect(derTags.sequence).raw;
  const issuer = tbs.expect(derTags.sequence).raw;
  const validity = tbs.enter(derTags.sequence);
  const [notBefore, notAfter] = [validity.next(), validity.next()];
  const subject = tbs.expect(derTags.sequence).raw;
  const publicKeyInfo = tbs.expect(derTags.sequence).raw;
  const extensions = tbs.all().find(({ tag }) => tag === 0xa3);
  return {
    version: version === undefined ? 1 : (readSmallInteger(readDer(version.content, "version")) ?? 0) + 1,
    serial,
    signatureAlgorithm,
    issuer,
    subject,
    notBeforeMs: readTime(notBefore),
    notAfterMs: readTime(notAfter),
    publicKeyInfo,
    extensions: extensions === undefined ? [] : readExtensionList(extensions),
  };
}

export interface BasicConstraints {
  ca: boolean;
  pathLength?: number;
}

/** RFC 5280 section 4.2.1.9. A path length too large to count is none; a negative one is an error. */
export function readBasicConstraints(value: Buffer): BasicConstraints {
  const body = new DerReader(readDer(value, "basic constraints").content, "basic constraints");
  const ca = body.optional(derTags.boolean)?.content[0];
  const pathLength = body.optional(derTags.integer);
  body.finish();
  const isCa = ca !== undefined && ca !== 0;
  const length = pathLength && readSmallInteger(pathLength);
  return length === undefined ? { ca: isCa } : { ca: isCa, pathLength: length };
}

/** Bits of KeyUsage as numbers of RFC 5280 section 4.2.1.3. */
export const keyUsageBits = { digitalSignature: 0, keyEncipherment: 2, keyAgreement: 4, keyCertSign: 5 } as const;

/** The set bits of a BIT STRING such as KeyUsage. */
export function readBits(value: Buffer): Set<number> {
  const { content } = readDer(value, "bit string");
  const bits = new Set<number>();
  for (const [index, byte] of content.subarray(1).entries()) {
    for (let bit = 0; bit < 8; bit++) if ((byte & (0x80 >> bit)) !== 0) bits.add(index * 8 + bit);
  }
  return bits;
}

export const ekuOids = {
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  any: "2.5.29.37.0",
} as const;

export function readExtendedKeyUsage(value: Buffer): string[] {
  return new DerReader(readDer(value, "extended key usage").content, "extended key usage").all().map(readOid);
}

export function readSubjectKeyId(value: Buffer): Buffer {
  return readDer(value, "subject key identifier").content;
}

export interface AuthorityKeyId {
  keyId?: Buffer;
  /** The issuer's own issuer: the directory name among the general names, DER. */
  issuer?: Buffer;
  serial?: Buffer;
}

/** RFC 5280 section 4.2.1.1. */
export function readAuthorityKeyId(value: Buffer): AuthorityKeyId {
  const body = new DerReader(readDer(value, "authority key identifier").content, "authority key identifier");
  const keyId = body.optional(0x80)?.content;
  const names = body.optional(0xa1);
  const serial = body.optional(0x82)?.content;
  const issuer = names && readGeneralNames(names).find(({ tag }) => tag === generalNameTags.directory)?.content;
  return { ...(keyId && { keyId }), ...(issuer && { issuer }), ...(serial && { serial }) };
}

/** Context tags of GeneralName (RFC 5280 section 4.2.1.6). */
export const generalNameTags = { email: 0x81, dns: 0x82, directory: 0xa4, uri: 0x86, ip: 0x87 } as const;

/** The general names in an element that is a sequence of them, such as subjectAltName's. */
export function readGeneralNames({ content }: Pick<DerElement, "content">): DerElement[] {
  return new DerReader(content, "general names").all();
}

export interface NameConstraints {
  permitted: DerElement[];
  excluded: DerElement[];
  /** A minimum or maximum is given, which RFC 5280 section 4.2.1.10 forbids. */
  hasDistances: boolean;
}

export function readNameConstraints(value: Buffer): NameConstraints {
  const body = new DerReader(readDer(value, "name constraints").content, "name constraints");
  const [permitted, excluded] = [readSubtrees(body.optional(0xa0)), readSubtrees(body.optional(0xa1))];
  return {
    permitted: permitted.map(({ base }) => base),
    excluded: excluded.map(({ base }) => base),
    hasDistances: [...permitted, ...excluded].some(({ hasDistance }) => hasDistance),
  };
}

function readSubtrees(list: DerElement | undefined): { base: DerElement; hasDistance: boolean }[] {
  if (list === undefined) return [];
  return new DerReader(list.content, "name constraints").all().map(({ content }) => {
    const subtree = new DerReader(content, "name constraints");
    return { base: subtree.next(), hasDistance: subtree.left > 0 };
  });
}

/**
 * A text that is equal for names OpenSSL takes for equal (RFC 5280 section 7.1): string types, case and runs of blanks in
 * values do not matter. One entry per relative name, most general first.
 */
export function canonicalName(name: Buffer): string[] {
  const what = "name";
  return new DerReader(readDer(name, what).content, what).all().map(({ content }) =>
    new DerReader(content, what)
      .all()
      .map(({ content: pair }) => {
        const attribute = new DerReader(pair, what);
        return `${readOid(attribute.next())}=${canonicalValue(attribute.next())}`;
      })
      .join("+"),
  );
}

/** The values of an attribute type in a name, e.g. every commonName. */
export function nameValues(name: Buffer, oid: string): string[] {
  const what = "name";
  return new DerReader(readDer(name, what).content, what)
    .all()
    .flatMap(({ content }) => new DerReader(content, what).all())
    .flatMap(({ content }) => {
      const attribute = new DerReader(content, what);
      return readOid(attribute.next()) === oid ? [stringValue(attribute.next()) ?? ""] : [];
    });
}

function canonicalValue(element: DerElement): string {
  const text = stringValue(element);
  if (text === undefined) return `#${element.raw.toString("hex")}`;
  const collapsed = text.replaceAll(/[ \t\n\v\f\r]+/g, " ").replaceAll(/^ | $/g, "");
  // Only ASCII letters fold, as OpenSSL does it.
  return collapsed.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

const utf8Tags: readonly number[] = [derTags.utf8String];
const latin1Tags: readonly number[] = [
  derTags.printableString,
  derTags.t61String,
  derTags.ia5String,
  derTags.visibleString,
];

function stringValue({ tag, content }: DerElement): string | undefined {
  if (utf8Tags.includes(tag)) return content.toString("utf8");
  if (latin1Tags.includes(tag)) return content.toString("latin1");
  if (tag === derTags.bmpString)
    return Buffer.from(content.subarray(0, content.length & ~1))
      .swap16()
      .toString("utf16le");
  return undefined;
}

function readExtensionList({ content }: DerElement): CertificateExtension[] {
  const what = "certificate extensions";
  return new DerReader(readDer(content, what).content, what).all().map(({ content: extension }) => {
    const body = new DerReader(extension, what);
    const oid = readOid(body.expect(derTags.oid));
    const critical = body.optional(derTags.boolean)?.content[0];
    return { oid, critical: critical !== undefined && critical !== 0, value: body.expect(derTags.octetString).content };
  });
}
