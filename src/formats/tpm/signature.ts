import { algorithmIds, algorithmText, signatureSchemeOf } from "./algorithms.js";
import { TpmReader } from "./reader.js";
import { sized, u16 } from "./writer.js";

/** TPMT_SIGNATURE (TPM 2.0 Part 2, section 11.3.4) of the schemes attestation keys use. */
export type TpmSignature =
  | { scheme: "rsassa" | "rsapss"; hashId: number; signature: Buffer }
  | { scheme: "ecdsa"; hashId: number; r: Buffer; s: Buffer };

/** Throws a `Problem` (`tpm-form`) for other schemes (TPM_ALG_NULL, which is no signature, too), cuts and leftovers. */
export function readSignature(bytes: Buffer): TpmSignature {
  const reader = new TpmReader(bytes, "TPMT_SIGNATURE");
  const schemeId = reader.u16("sigAlg");
  const scheme = signatureSchemeOf(schemeId);
  if (scheme === undefined) throw reader.refusal(`the scheme ${algorithmText(schemeId)} is not known`);
  const hashId = reader.u16("hash");
  const signature: TpmSignature =
    scheme === "ecdsa"
      ? { scheme, hashId, r: reader.sized("signatureR"), s: reader.sized("signatureS") }
      : { scheme, hashId, signature: reader.sized("sig") };
  reader.end();
  return signature;
}

export function writeSignature(signature: TpmSignature): Buffer {
  const values = signature.scheme === "ecdsa" ? [signature.r, signature.s] : [signature.signature];
  return Buffer.concat([u16(algorithmIds[signature.scheme]), u16(signature.hashId), ...values.map(sized)]);
}
