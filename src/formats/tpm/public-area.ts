import { createHash } from "node:crypto";
import { algorithmIds, algorithmText, type HashName, hashNameOf } from "./algorithms.js";
import { TpmReader } from "./reader.js";
import { sized, u16, u32 } from "./writer.js";

/** Bits of TPMA_OBJECT (TPM 2.0 Part 2, section 8.3). */
export const objectAttributes = {
  fixedTpm: 1 << 1,
  fixedParent: 1 << 4,
  sensitiveDataOrigin: 1 << 5,
  userWithAuth: 1 << 6,
  adminWithPolicy: 1 << 7,
  restricted: 1 << 16,
  decrypt: 1 << 17,
  sign: 1 << 18,
} as const;

/** TPM_ECC_CURVE (Part 2, section 6.4) by the names JWK gives them; `bytes` is the length of a coordinate. */
export const curves = {
  "P-256": { id: 0x0003, bytes: 32 },
  "P-384": { id: 0x0004, bytes: 48 },
  "P-521": { id: 0x0005, bytes: 66 },
} as const;

export type CurveName = keyof typeof curves;

/** A symmetric cipher of a storage key (TPMT_SYM_DEF_OBJECT, section 11.1.7). */
export interface SymmetricCipher {
  algorithmId: number;
  keyBits: number;
  modeId: number;
}

/** A scheme and its hash (TPMT_RSA_SCHEME, TPMT_ECC_SCHEME); `hashId` is absent for schemes without one. */
export interface KeyScheme {
  schemeId: number;
  hashId?: number;
}

interface PublicCommon {
  nameHash: HashName;
  attributes: number;
  authPolicy: Buffer;
  /** Absent for TPM_ALG_NULL. */
  symmetric?: SymmetricCipher;
  /** Absent for TPM_ALG_NULL. */
  scheme?: KeyScheme;
}

/** `exponent` is the real one: the wire's 0 is 65537 (section 12.2.3.5). */
export type RsaPublicArea = PublicCommon & { type: "rsa"; keyBits: number; exponent: number; modulus: Buffer };

/** Coordinates have the curve's full length. */
export type EccPublicArea = PublicCommon & { type: "ecc"; curve: CurveName; x: Buffer; y: Buffer };

export type PublicArea = RsaPublicArea | EccPublicArea;

/**
 * Reads a TPM2B_PUBLIC of an RSA or ECC key (TPM 2.0 Part 2, sections 12.2.4 and 12.2.5). Throws a `Problem`
 * (`tpm-form`) for anything else, leftovers included.
 */
export function readPublicArea(tpm2bPublic: Buffer): PublicArea {
  const outer = new TpmReader(tpm2bPublic, "TPM2B_PUBLIC");
  const reader = outer.sub(outer.u16("size"), "TPMT_PUBLIC");
  outer.end();
  const type = reader.u16("type");
  if (type !== algorithmIds.rsa && type !== algorithmIds.ecc) {
    throw reader.refusal(`the key type is ${algorithmText(type)}, not rsa or ecc`);
  }
  const common = readCommon(reader);
  const area = type === algorithmIds.rsa ? readRsa(reader, common) : readEcc(reader, common);
  reader.end();
  return area;
}

function readCommon(reader: TpmReader): PublicCommon {
  const nameHashId = reader.u16("nameAlg");
  const nameHash = hashNameOf(nameHashId);
  if (nameHash === undefined) {
    throw reader.refusal(`the name algorithm ${algorithmText(nameHashId)} is not known`);
  }
  const common: PublicCommon = {
    nameHash,
    attributes: reader.u32("objectAttributes"),
    authPolicy: reader.sized("authPolicy"),
  };
  const symmetric = readSymmetric(reader);
  if (symmetric !== undefined) common.symmetric = symmetric;
  const scheme = readScheme(reader);
  if (scheme !== undefined) common.scheme = scheme;
  return common;
}

function readSymmetric(reader: TpmReader): SymmetricCipher | undefined {
  const algorithmId = reader.u16("symmetric");
  if (algorithmId === algorithmIds.null) return undefined;
  return { algorithmId, keyBits: reader.u16("symmetric keyBits"), modeId: reader.u16("symmetric mode") };
}

const hashSchemes: readonly number[] = [
  algorithmIds.rsassa,
  algorithmIds.rsapss,
  algorithmIds.oaep,
  algorithmIds.ecdsa,
  algorithmIds.ecdh,
  algorithmIds.sm2,
  algorithmIds.ecschnorr,
  algorithmIds.ecmqv,
];

function readScheme(reader: TpmReader): KeyScheme | undefined {
  const schemeId = reader.u16("scheme");
  if (schemeId === algorithmIds.null) return undefined;
  if (schemeId === algorithmIds.rsaes) return { schemeId };
  // ECDAA carries a counter behind its hash; no attestation key of Keylime uses it.
  if (!hashSchemes.includes(schemeId)) throw reader.refusal(`the scheme ${algorithmText(schemeId)} is not known`);
  return { schemeId, hashId: reader.u16("scheme hash") };
}

function readRsa(reader: TpmReader, common: PublicCommon): RsaPublicArea {
  const keyBits = reader.u16("keyBits");
  const exponent = reader.u32("exponent") || 65_537;
  const modulus = reader.sized("modulus");
  if (modulus.length * 8 !== keyBits || (modulus[0]! & 0x80) === 0 || (modulus.at(-1)! & 1) === 0) {
    throw reader.refusal(`the modulus of ${modulus.length} bytes is none of ${keyBits} bits`);
  }
  if (exponent % 2 === 0 || exponent < 3) throw reader.refusal(`the exponent ${exponent} is not odd and above 1`);
  return { ...common, type: "rsa", keyBits, exponent, modulus };
}

function readEcc(reader: TpmReader, common: PublicCommon): EccPublicArea {
  const curveId = reader.u16("curveID");
  const curve = (Object.keys(curves) as CurveName[]).find((name) => curves[name].id === curveId);
  if (curve === undefined) throw reader.refusal(`the curve 0x${curveId.toString(16).padStart(4, "0")} is not known`);
  const kdf = reader.u16("kdf");
  // Part 2, section 12.2.3.6: no key derivation scheme is in use.
  if (kdf !== algorithmIds.null) throw reader.refusal(`the key derivation scheme is ${algorithmText(kdf)}, not null`);
  const x = readCoordinate(reader, curve, "x");
  return { ...common, type: "ecc", curve, x, y: readCoordinate(reader, curve, "y") };
}

function readCoordinate(reader: TpmReader, curve: CurveName, field: string): Buffer {
  const value = reader.sized(field);
  if (value.length !== curves[curve].bytes) {
    throw reader.refusal(`${field} has ${value.length} bytes, ${curve} needs ${curves[curve].bytes}`);
  }
  return value;
}

/** Writes a TPM2B_PUBLIC; the exponent 65537 becomes the wire's 0. */
export function writePublicArea(area: PublicArea): Buffer {
  const common = [
    u16(algorithmIds[area.type]),
    u16(algorithmIds[area.nameHash]),
    u32(area.attributes),
    sized(area.authPolicy),
    writeSymmetric(area.symmetric),
    writeScheme(area.scheme),
  ];
  return sized(Buffer.concat([...common, ...(area.type === "rsa" ? rsaParts(area) : eccParts(area))]));
}

function rsaParts(area: RsaPublicArea): Buffer[] {
  return [u16(area.keyBits), u32(area.exponent === 65_537 ? 0 : area.exponent), sized(area.modulus)];
}

function eccParts(area: EccPublicArea): Buffer[] {
  return [u16(curves[area.curve].id), u16(algorithmIds.null), sized(area.x), sized(area.y)];
}

function writeSymmetric(symmetric: SymmetricCipher | undefined): Buffer {
  if (symmetric === undefined) return u16(algorithmIds.null);
  return Buffer.concat([u16(symmetric.algorithmId), u16(symmetric.keyBits), u16(symmetric.modeId)]);
}

function writeScheme(scheme: KeyScheme | undefined): Buffer {
  if (scheme === undefined) return u16(algorithmIds.null);
  return Buffer.concat([u16(scheme.schemeId), ...(scheme.hashId === undefined ? [] : [u16(scheme.hashId)])]);
}

/**
 * The Name of a key: name algorithm and digest of its TPMT_PUBLIC (TPM 2.0 Part 1, section 16). Throws a `Problem`
 * (`tpm-form`) for a public area that cannot be read.
 */
export function keyName(tpm2bPublic: Buffer): Buffer {
  const { nameHash } = readPublicArea(tpm2bPublic);
  return Buffer.concat([u16(algorithmIds[nameHash]), createHash(nameHash).update(tpm2bPublic.subarray(2)).digest()]);
}
