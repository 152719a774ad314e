import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { systemClock } from "../../core/clock.js";
import { createKeyPair, importSigningKey, type KeyPair, type KeyType } from "./key-pair.js";
import { type ProfileOptions, profileExtensions } from "./profile.js";

export interface RootOptions extends ProfileOptions {
  /** Either this or `subject`. */
  commonName?: string;
  /** A whole name, most general part first: `C=US, O=Funlab.Casa, CN=Book of Omens`. */
  subject?: string;
  /** P-256 unless told. */
  keyType?: KeyType;
  /** An existing key, for the renewal of a CA or of a leaf. */
  keyPair?: KeyPair;
}

export interface CaOptions extends RootOptions {
  /** How many CAs may stand between this one and a leaf; unlimited unless told. */
  pathLength?: number;
  /** false makes the faulty CA of `ca-not-a-ca`: CA:FALSE, and whatever key usage is asked for. */
  ca?: boolean;
}

export interface LeafOptions extends RootOptions {
  dnsNames?: readonly string[];
  ipAddresses?: readonly string[];
  uris?: readonly string[];
}

export interface IssuedCertificate {
  subject: string;
  certPem: string;
  certDer: Buffer;
  /** PKCS#8. */
  keyPem: string;
  keyPair: KeyPair;
  /** The certificate and its intermediates up to, not including, the root: what a peer should send. */
  chainPem: string;
  /** undefined for a self-signed one. */
  issuer: CertificateAuthority | undefined;
}

export interface CertificateAuthority extends IssuedCertificate {
  /** This CA, the CAs above it and the root: a complete trust file. */
  bundlePem: string;
  rootPem: string;
  issueCa(options: CaOptions): Promise<CertificateAuthority>;
  issue(options: LeafOptions): Promise<IssuedCertificate>;
}

/** Creates a self-signed CA. Ten years from an hour ago unless told. */
export async function createRootCa(options: CaOptions): Promise<CertificateAuthority> {
  return authority(await issueBelow(undefined, { ...options, basicConstraints: caConstraints(options) }));
}

/** A self-signed leaf, as a Keylime agent makes for itself. */
export function createSelfSigned(options: LeafOptions): Promise<IssuedCertificate> {
  return issueBelow(undefined, { ...options, basicConstraints: { ca: false } });
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

type IssueOptions = LeafOptions & { basicConstraints: { ca: boolean; pathLength?: number } };

function authority(issued: IssuedCertificate): CertificateAuthority {
  const above = issued.issuer;
  const rootPem = above?.rootPem ?? issued.certPem;
  const ca: CertificateAuthority = {
    ...issued,
    rootPem,
    bundlePem: above === undefined ? issued.certPem : issued.certPem + above.bundlePem,
    issueCa: async (options) =>
      authority(await issueBelow(ca, { ...options, basicConstraints: caConstraints(options) })),
    issue: (options) => issueBelow(ca, { ...options, basicConstraints: { ca: false } }),
  };
  return ca;
}

function caConstraints({ ca = true, pathLength }: CaOptions): { ca: boolean; pathLength?: number } {
  return pathLength === undefined ? { ca } : { ca, pathLength };
}

async function issueBelow(issuer: CertificateAuthority | undefined, options: IssueOptions): Promise<IssuedCertificate> {
  const keyPair = options.keyPair ?? (await createKeyPair(options.keyType ?? "p256"));
  const signer = (issuer?.keyPair ?? keyPair).privateKey;
  const { signingKey, signingAlgorithm } = await importSigningKey(signer, options.hash ?? "SHA-256");
  const subject = subjectOf(options);
  const now = systemClock.nowMs();
  const notBefore = options.notBefore ?? new Date(now - hourMs);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      subject,
      issuer: issuer === undefined ? subject : new x509.X509Certificate(issuer.certDer).subjectName,
      ...(options.serialNumber === undefined ? {} : { serialNumber: options.serialNumber }),
      notBefore,
      notAfter: options.notAfter ?? new Date(now + (options.basicConstraints.ca ? 3650 : 365) * dayMs),
      signingAlgorithm,
      publicKey: keyPair.publicKey.export({ type: "spki", format: "der" }),
      signingKey,
      extensions: await profileExtensions({ ...options, publicKey: keyPair.publicKey, issuerKeyId: keyIdOf(issuer) }),
    },
    webcrypto as unknown as typeof globalThis.crypto,
  );
  return issuedCertificate(Buffer.from(certificate.rawData), { issuer, keyPair, options });
}

interface IssueContext {
  issuer: CertificateAuthority | undefined;
  keyPair: KeyPair;
  options: IssueOptions;
}

function issuedCertificate(certDer: Buffer, { issuer, keyPair, options }: IssueContext): IssuedCertificate {
  if (options.breakSignature) certDer[certDer.length - 1]! ^= 0x01;
  const certPem = certificatePem(certDer);
  // The root is what the other side has to know already, so it is not part of what is sent.
  const above = issuer === undefined || issuer.issuer === undefined ? "" : issuer.chainPem;
  const subject = new x509.X509Certificate(certDer).subject;
  return { subject, certPem, certDer, keyPem: keyPair.keyPem, keyPair, chainPem: certPem + above, issuer };
}

function subjectOf({ subject, commonName }: RootOptions): string | x509.JsonName {
  if (subject !== undefined) return subject;
  return [{ CN: [commonName ?? "unnamed"] }];
}

function keyIdOf(issuer: CertificateAuthority | undefined): string | undefined {
  if (issuer === undefined) return undefined;
  return new x509.X509Certificate(issuer.certDer).getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
}

function certificatePem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
