import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { algorithmIds, type HashName } from "../../src/formats/tpm/algorithms.js";
import { type QuoteAttest, writeQuoteAttest } from "../../src/formats/tpm/attest.js";
import { writePcrBlob } from "../../src/formats/tpm/pcr-blob.js";
import { writeSignature } from "../../src/formats/tpm/signature.js";
import { akPublicOf } from "../../src/peers/tpm/key-templates.js";

/** An attestation key whose owner signs what no TPM would. */
export interface CorruptKey {
  privateKey: KeyObject;
  /** TPM2B_PUBLIC, as the registrar gives it out. */
  akPublic: Buffer;
  ekPublic: Buffer;
}

export function createCorruptKey(): CorruptKey {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const akPublic = akPublicOf(publicKey, "sha256");
  return { privateKey, akPublic, ekPublic: akPublic };
}

export interface Forgery {
  /** Of the signature and the PCR bank. */
  hash?: HashName;
  attest?: Partial<QuoteAttest>;
  /** Changes the attest before it is signed. */
  beforeSigning?: (attest: Buffer) => Buffer;
  /** Changes one of the three parts of the finished quote: attest, signature, PCR values. */
  part?: [index: 0 | 1 | 2, change: (bytes: Buffer) => Buffer];
}

/** A quote that is right for this nonce in everything but the forgery; a right one without. */
export function forgeQuote({ privateKey }: CorruptKey, nonce: string, forgery: Forgery = {}): string {
  const { hash = "sha256", beforeSigning = (bytes) => bytes } = forgery;
  const selections = [{ hashId: algorithmIds[hash], pcrs: [16] }];
  const values = [createHash(hash).update("PCR 16").digest()];
  const attest = beforeSigning(
    writeQuoteAttest({
      qualifiedSigner: Buffer.from("000b".padEnd(68, "07"), "hex"),
      extraData: Buffer.from(nonce),
      clock: { clockMs: 77n, resetCount: 2, restartCount: 0, safe: true },
      firmwareVersion: 0x2019102300163636n,
      selections,
      pcrDigest: createHash(hash).update(Buffer.concat(values)).digest(),
      ...forgery.attest,
    }),
  );
  const both = sign(hash, attest, { key: privateKey, dsaEncoding: "ieee-p1363" });
  const [r, s] = [both.subarray(0, both.length / 2), both.subarray(both.length / 2)];
  const parts = [
    attest,
    writeSignature({ scheme: "ecdsa", hashId: algorithmIds[hash], r, s }),
    writePcrBlob({ selections, values }),
  ];
  if (forgery.part !== undefined) parts[forgery.part[0]] = forgery.part[1](parts[forgery.part[0]]!);
  return `r${parts.map((part) => part.toString("base64")).join(":")}`;
}
