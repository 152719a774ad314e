import type { KeyObject } from "node:crypto";
import { algorithmIds, type HashName } from "../../formats/tpm/algorithms.js";
import { objectAttributes, type PublicArea, writePublicArea } from "../../formats/tpm/public-area.js";
import { keyMaterialOf } from "../../formats/tpm/public-key.js";

const { fixedTpm, fixedParent, sensitiveDataOrigin, userWithAuth, adminWithPolicy, restricted, decrypt, sign } =
  objectAttributes;
const bornInTpm = fixedTpm | fixedParent | sensitiveDataOrigin;

/** PolicySecret of the endorsement hierarchy (TCG EK Credential Profile 2.5, annex B.3: PolicyA, SHA-256). */
const endorsementPolicy = Buffer.from("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa", "hex");

/** TPM2B_PUBLIC of an endorsement key: templates L-1 (RSA-2048) and L-2 (P-256) of the same profile. */
export function ekPublicOf(key: KeyObject): Buffer {
  const common = {
    nameHash: "sha256",
    attributes: bornInTpm | adminWithPolicy | restricted | decrypt,
    authPolicy: endorsementPolicy,
    symmetric: { algorithmId: algorithmIds.aes, keyBits: 128, modeId: algorithmIds.cfb },
  } as const;
  return writePublicArea({ ...common, ...keyMaterialOf(key) });
}

/** TPM2B_PUBLIC of an attestation key as the Rust agent creates it: restricted, signing, no policy. */
export function akPublicOf(key: KeyObject, hash: HashName): Buffer {
  const material = keyMaterialOf(key);
  const schemeId = material.type === "rsa" ? algorithmIds.rsassa : algorithmIds.ecdsa;
  const area: PublicArea = {
    nameHash: "sha256",
    attributes: bornInTpm | userWithAuth | restricted | sign,
    authPolicy: Buffer.alloc(0),
    scheme: { schemeId, hashId: algorithmIds[hash] },
    ...material,
  };
  return writePublicArea(area);
}
