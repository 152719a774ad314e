import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import { Problem } from "../../core/problem.js";
import { algorithmIds, digestSize, type HashName } from "./algorithms.js";
import { kdfa } from "./kdf.js";
import type { PublicArea } from "./public-area.js";
import { TpmReader } from "./reader.js";
import { sized, u32 } from "./writer.js";

/** How a storage key protects what is sent to it. */
export interface ProtectionParameters {
  hash: HashName;
  /** Of its AES-CFB. */
  keyBits: number;
}

/** The two halves of a credential: TPMS_ID_OBJECT's content and the seed, encrypted to the storage key. */
export interface CredentialBlob {
  idObject: Buffer;
  encryptedSeed: Buffer;
}

/** Throws a `Problem` (`tpm-public`) for a key that is no storage key with AES-CFB. */
export function protectionParametersOf(area: PublicArea): ProtectionParameters {
  const { symmetric, nameHash } = area;
  const isAesCfb = symmetric?.algorithmId === algorithmIds.aes && symmetric.modeId === algorithmIds.cfb;
  if (!isAesCfb || ![128, 192, 256].includes(symmetric.keyBits)) {
    throw new Problem("tpm-public", "cannot use this public area as a storage key: it has no AES-CFB cipher", {
      culprit: "peer",
    });
  }
  return { hash: nameHash, keyBits: symmetric.keyBits };
}

/** Encrypts a credential under a seed and binds it to the name of a key (TPM 2.0 Part 1, section 24). */
export function wrapCredential(how: ProtectionParameters, seed: Buffer, name: Buffer, secret: Buffer): Buffer {
  const cipher = createCipheriv(`aes-${how.keyBits}-cfb`, storageKey(how, seed, name), Buffer.alloc(16));
  const encrypted = Buffer.concat([cipher.update(sized(secret)), cipher.final()]);
  return Buffer.concat([sized(integrityOf(how, seed, name, encrypted)), encrypted]);
}

/** Inverts `wrapCredential`; throws a `Problem` (`tpm-credential`) when it was made for another key or name. */
export function unwrapCredential(how: ProtectionParameters, seed: Buffer, name: Buffer, idObject: Buffer): Buffer {
  const reader = new TpmReader(idObject, "TPMS_ID_OBJECT");
  const integrity = reader.sized("integrityHMAC");
  const encrypted = reader.take(reader.left, "encIdentity");
  const expected = integrityOf(how, seed, name, encrypted);
  if (integrity.length !== expected.length || !timingSafeEqual(integrity, expected)) {
    throw new Problem("tpm-credential", "cannot activate the credential: it was made for another key or name", {
      culprit: "peer",
    });
  }
  const decipher = createDecipheriv(`aes-${how.keyBits}-cfb`, storageKey(how, seed, name), Buffer.alloc(16));
  const inner = new TpmReader(Buffer.concat([decipher.update(encrypted), decipher.final()]), "credential");
  const secret = inner.sized("credential");
  inner.end();
  return secret;
}

function storageKey(how: ProtectionParameters, seed: Buffer, name: Buffer): Buffer {
  return kdfa(how.hash, seed, "STORAGE", name, how.keyBits);
}

function integrityOf(how: ProtectionParameters, seed: Buffer, name: Buffer, encrypted: Buffer): Buffer {
  const key = kdfa(how.hash, seed, "INTEGRITY", Buffer.alloc(0), digestSize(how.hash) * 8);
  return createHmac(how.hash, key).update(encrypted).update(name).digest();
}

/** Head of a credential file of tpm2-tools (tpm2_makecredential), which Keylime sends as `blob`. */
const fileMagic = 0xbadcc0de;
const fileVersion = 1;

export function writeCredentialFile(blob: CredentialBlob): Buffer {
  return Buffer.concat([u32(fileMagic), u32(fileVersion), sized(blob.idObject), sized(blob.encryptedSeed)]);
}

/** Throws a `Problem` (`tpm-form`) for anything but a whole credential file. */
export function readCredentialFile(bytes: Buffer): CredentialBlob {
  const reader = new TpmReader(bytes, "credential file");
  const magic = reader.u32("magic");
  const version = reader.u32("version");
  if (magic !== fileMagic || version !== fileVersion) {
    throw reader.refusal(`it starts with 0x${magic.toString(16)} version ${version}`);
  }
  const blob = { idObject: reader.sized("TPM2B_ID_OBJECT"), encryptedSeed: reader.sized("TPM2B_ENCRYPTED_SECRET") };
  reader.end();
  return blob;
}
