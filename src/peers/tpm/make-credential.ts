import { constants, createHmac, diffieHellman, generateKeyPairSync, publicEncrypt, randomBytes } from "node:crypto";
import { digestSize } from "../../formats/tpm/algorithms.js";
import {
  type ProtectionParameters,
  protectionParametersOf,
  wrapCredential,
  writeCredentialFile,
} from "../../formats/tpm/credential.js";
import { kdfe } from "../../formats/tpm/kdf.js";
import { type EccPublicArea, type RsaPublicArea, readPublicArea } from "../../formats/tpm/public-area.js";
import { keyMaterialOf, publicKeyOf } from "../../formats/tpm/public-key.js";
import { sized } from "../../formats/tpm/writer.js";

export interface CredentialOrder {
  /** TPM2B_PUBLIC of the endorsement key. */
  ekPublic: Buffer;
  /** Name of the attestation key (`keyName`), 34 bytes for SHA-256. */
  akName: Buffer;
  /** The challenge to hand over: at most the digest size of the EK's name algorithm. */
  secret: Buffer;
}

/** What seeds are encrypted for (TPM 2.0 Part 1, annexes B.10.4 and C.6.4). */
export const identityLabel = "IDENTITY";

/**
 * TPM2_MakeCredential in software, in the file form of tpm2-tools that Keylime's registrar sends (before base64).
 * Throws a `Problem`: `tpm-form` for a public area that cannot be read, `tpm-public` for one that is no storage key.
 */
export function makeCredential({ ekPublic, akName, secret }: CredentialOrder): Buffer {
  const ek = readPublicArea(ekPublic);
  const how = protectionParametersOf(ek);
  const { seed, encryptedSeed } = ek.type === "rsa" ? rsaSeed(ek, how) : eccSeed(ek, how);
  return writeCredentialFile({ idObject: wrapCredential(how, seed, akName, secret), encryptedSeed });
}

interface SharedSeed {
  seed: Buffer;
  encryptedSeed: Buffer;
}

function rsaSeed(ek: RsaPublicArea, { hash }: ProtectionParameters): SharedSeed {
  const seed = randomBytes(digestSize(hash));
  return { seed, encryptedSeed: publicEncrypt({ key: publicKeyOf(ek), ...identityOaep(hash) }, seed) };
}

/** OAEP as a TPM decrypts seeds: the label counts with its zero byte. */
export function identityOaep(hash: string): { padding: number; oaepHash: string; oaepLabel: Buffer } {
  const oaepLabel = Buffer.from(`${identityLabel}\0`, "ascii");
  return { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash, oaepLabel };
}

function eccSeed(ek: EccPublicArea, { hash }: ProtectionParameters): SharedSeed {
  const ephemeral = generateKeyPairSync("ec", { namedCurve: ek.curve });
  const point = keyMaterialOf(ephemeral.publicKey) as EccPublicArea;
  const z = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: publicKeyOf(ek) });
  const seed = kdfe(hash, z, identityLabel, point.x, ek.x, digestSize(hash) * 8);
  return { seed, encryptedSeed: Buffer.concat([sized(point.x), sized(point.y)]) };
}

/**
 * The agent's answer to a challenge: lower-case hex of HMAC-SHA-384 over the agent id. The key is the challenge's
 * base64 text itself, 44 characters for 32 bytes (keylime/models/registrar/registrar_agent.py, 7.14.3).
 */
export function authTag(agentId: string, challengeBase64: string): string {
  return createHmac("sha384", challengeBase64).update(agentId).digest("hex");
}
