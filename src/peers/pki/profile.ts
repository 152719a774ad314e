import "reflect-metadata";
import type { KeyObject } from "node:crypto";
import * as x509 from "@peculiar/x509";
import type { SignatureHash } from "./key-pair.js";

const ekuOids = {
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  codeSigning: "1.3.6.1.5.5.7.3.3",
  emailProtection: "1.3.6.1.5.5.7.3.4",
  any: "2.5.29.37.0",
} as const;

export type Eku = keyof typeof ekuOids;
export type KeyUsageName = Exclude<keyof typeof x509.KeyUsageFlags, number>;
export type StandardExtension =
  | "basicConstraints"
  | "keyUsage"
  | "extendedKeyUsage"
  | "subjectKeyIdentifier"
  | "authorityKeyIdentifier"
  | "subjectAltName";

/** What any certificate may say; the odd values are for certificates that a fault scenario needs. */
export interface ProfileOptions {
  notBefore?: Date;
  notAfter?: Date;
  /** Hex, without a sign bit; random otherwise. */
  serialNumber?: string;
  eku?: readonly Eku[];
  /** Replaces the key usage that fits the kind of certificate. */
  keyUsage?: readonly KeyUsageName[];
  /** Extensions to leave out. */
  omit?: readonly StandardExtension[];
  /** Hash of the signature over this certificate; SHA-256 unless told. Ed25519 ignores it. */
  hash?: SignatureHash;
  /** Extensions as they are, after the standard ones. */
  extraExtensions?: readonly { oid: string; critical: boolean; valueDer: Uint8Array }[];
  /** Replaces the issuer's key identifier in the authority key identifier. */
  authorityKeyId?: Uint8Array;
  /** Changes the last byte of the signature. */
  breakSignature?: boolean;
}

/** What stands in a certificate beside names, dates and key. */
export interface Profile extends ProfileOptions {
  publicKey: KeyObject;
  /** The issuer's subject key identifier, hex; undefined when the issuer has none. */
  issuerKeyId: string | undefined;
  basicConstraints: { ca: boolean; pathLength?: number } | undefined;
  dnsNames?: readonly string[];
  ipAddresses?: readonly string[];
  uris?: readonly string[];
}

export async function profileExtensions(profile: Profile): Promise<x509.Extension[]> {
  const { basicConstraints, eku, issuerKeyId } = profile;
  const spki = profile.publicKey.export({ type: "spki", format: "der" });
  const keyId =
    profile.authorityKeyId === undefined ? issuerKeyId : Buffer.from(profile.authorityKeyId).toString("hex");
  const all: [StandardExtension, x509.Extension | undefined][] = [
    [
      "basicConstraints",
      basicConstraints && new x509.BasicConstraintsExtension(basicConstraints.ca, basicConstraints.pathLength, true),
    ],
    ["keyUsage", new x509.KeyUsagesExtension(keyUsageFlags(profile), true)],
    ["extendedKeyUsage", eku && new x509.ExtendedKeyUsageExtension(eku.map((name) => ekuOids[name]))],
    ["subjectKeyIdentifier", await x509.SubjectKeyIdentifierExtension.create(spki)],
    ["authorityKeyIdentifier", keyId === undefined ? undefined : new x509.AuthorityKeyIdentifierExtension(keyId)],
    ["subjectAltName", subjectAltName(profile)],
  ];
  const standard = all.filter(([name]) => !profile.omit?.includes(name)).map(([, extension]) => extension);
  const extra = (profile.extraExtensions ?? []).map((e) => new x509.Extension(e.oid, e.critical, e.valueDer));
  return [...standard.filter((extension) => extension !== undefined), ...extra];
}

function keyUsageFlags({ keyUsage, basicConstraints, publicKey }: Profile): x509.KeyUsageFlags {
  const fitting: KeyUsageName[] = basicConstraints?.ca
    ? ["keyCertSign", "cRLSign"]
    : publicKey.asymmetricKeyType === "rsa"
      ? ["digitalSignature", "keyEncipherment"]
      : ["digitalSignature"];
  return (keyUsage ?? fitting).reduce((flags: number, name) => flags | x509.KeyUsageFlags[name], 0);
}

function subjectAltName({ dnsNames = [], ipAddresses = [], uris = [] }: Profile): x509.Extension | undefined {
  const names = [
    ...dnsNames.map((value) => ({ type: "dns" as const, value })),
    ...ipAddresses.map((value) => ({ type: "ip" as const, value })),
    ...uris.map((value) => ({ type: "url" as const, value })),
  ];
  return names.length === 0 ? undefined : new x509.SubjectAlternativeNameExtension(names);
}
