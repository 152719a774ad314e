import { createHash, type KeyObject, verify } from "node:crypto";
import { errorText, Problem } from "../core/problem.js";
import { algorithmText, type HashName, hashNameOf } from "../formats/tpm/algorithms.js";
import { type QuoteAttest, readQuoteAttest } from "../formats/tpm/attest.js";
import { type PcrBlob, readPcrBlob } from "../formats/tpm/pcr-blob.js";
import { curves, objectAttributes, type PublicArea, readPublicArea } from "../formats/tpm/public-area.js";
import { publicKeyOf } from "../formats/tpm/public-key.js";
import { readSignature, type TpmSignature } from "../formats/tpm/signature.js";

export interface QuoteToVerify {
  /** The agent's `quote`: `r<b64 TPMS_ATTEST>:<b64 TPMT_SIGNATURE>:<b64 PCR blob>`. */
  quote: string;
  /** The nonce this quote was asked with; its UTF-8 bytes must be the quote's extraData. */
  nonce: string;
  /** TPM2B_PUBLIC of the attestation key, from the registrar (`aik_tpm`, decoded). */
  akPublic: Buffer;
  /** The hash algorithm the agent claims (`hash_alg`). */
  hashAlg: string;
  /** Keylime's names, e.g. `sha256`. */
  allowedHashAlgs: readonly string[];
  /** Keylime's names: `rsassa`, `ecdsa`. */
  allowedSignAlgs: readonly string[];
}

/** Why a quote was refused; stable words. */
export type QuoteRefusal =
  | "quote-form"
  | "ak-form"
  | "ak-not-restricted"
  | "ak-weak"
  | "signature-form"
  | "signature-scheme"
  | "signature-hash"
  | "signature-invalid"
  | "hash-not-allowed"
  | "sign-not-allowed"
  | "attest-form"
  | "attest-magic"
  | "attest-type"
  | "nonce-mismatch"
  | "pcr-blob-form"
  | "pcr-selection"
  | "pcr-digest";

export type QuoteVerdict =
  | { accepted: true; hashAlg: HashName; signAlg: "rsassa" | "ecdsa"; attest: QuoteAttest }
  | { accepted: false; reason: QuoteRefusal; message: string };

/** 24 PCRs of 64 bytes, an attest and a signature stay far below; no more is decoded. */
const maxQuoteLength = 32_768;

/**
 * Judges a quote by itself, whatever a verifier says of it: that the attestation key, a restricted signing key of a TPM,
 * signed these very bytes, and that they are a quote over this nonce and the PCR values given. Never throws. Whether
 * the clock is safe, who the qualified signer is and what the PCRs should hold is not judged here.
 *
 * The order is Keylime's (keylime/tpm/tpm_util.py `checkquote`, 7.14.3); what this accepts, Keylime accepts. Beyond it,
 * the encoding must be the canonical one, the key's attributes and scheme must fit, and no byte may go unexplained.
 */
export function verifyQuote(order: QuoteToVerify): QuoteVerdict {
  try {
    return acceptQuote(order);
  } catch (error) {
    const reason = error instanceof Refusal ? error.reason : "quote-form";
    return { accepted: false, reason, message: errorText(error) };
  }
}

class Refusal extends Error {
  constructor(
    readonly reason: QuoteRefusal,
    message: string,
  ) {
    super(message);
  }
}

function acceptQuote(order: QuoteToVerify): QuoteVerdict {
  const [attestBytes, signatureBytes, blobBytes] = splitQuote(order.quote);
  const ak = reading("ak-form", () => readPublicArea(order.akPublic));
  expectAttestationKey(ak);
  const signature = reading("signature-form", () => readSignature(signatureBytes));
  const signAlg = expectScheme(signature, ak, order.allowedSignAlgs);
  const hashAlg = expectHash(signature, ak, order);
  expectSignature(attestBytes, signature, hashAlg, ak);
  const attest = reading("attest-form", () => readQuoteAttest(attestBytes));
  if (!attest.extraData.equals(Buffer.from(order.nonce, "utf8"))) {
    throw new Refusal("nonce-mismatch", "the quote was made for another nonce than the one it was asked with");
  }
  const blob = reading("pcr-blob-form", () => readPcrBlob(blobBytes));
  expectPcrs(attest, blob, hashAlg);
  return { accepted: true, hashAlg, signAlg, attest };
}

function splitQuote(quote: string): [Buffer, Buffer, Buffer] {
  if (typeof quote !== "string" || quote.length > maxQuoteLength || !quote.startsWith("r")) {
    throw new Refusal("quote-form", "the quote is no text that starts with r, or too long");
  }
  const parts = quote.slice(1).split(":");
  if (parts.length !== 3) {
    throw new Refusal("quote-form", `the quote has ${parts.length} parts instead of attest, signature and PCR values`);
  }
  return [decodeBase64(parts[0]!), decodeBase64(parts[1]!), decodeBase64(parts[2]!)];
}

/** Only the one canonical text of some bytes is taken, so that a quote cannot be rewritten without notice. */
function decodeBase64(text: string): Buffer {
  const bytes = Buffer.from(text, "base64");
  if (bytes.length === 0 || bytes.toString("base64") !== text) {
    throw new Refusal("quote-form", "a part of the quote is empty or not canonical base64");
  }
  return bytes;
}

const formRefusals: Record<string, QuoteRefusal> = {
  "tpm-attest-magic": "attest-magic",
  "tpm-attest-type": "attest-type",
};

/** Turns a parser's refusal into one of the quote. */
function reading<T>(reason: QuoteRefusal, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Problem) throw new Refusal(formRefusals[error.code] ?? reason, error.message);
    throw error;
  }
}

/**
 * A restricted signing key signs only what its TPM made (Part 1, section 25.1.3), so its signature over a forged attest
 * cannot be had; a key without these bits is worth nothing here.
 */
const akAttributes =
  objectAttributes.fixedTpm |
  objectAttributes.fixedParent |
  objectAttributes.sensitiveDataOrigin |
  objectAttributes.restricted |
  objectAttributes.sign;

function expectAttestationKey(ak: PublicArea): void {
  if ((ak.attributes & akAttributes) !== akAttributes || (ak.attributes & objectAttributes.decrypt) !== 0) {
    const found = `0x${ak.attributes.toString(16).padStart(8, "0")}`;
    throw new Refusal(
      "ak-not-restricted",
      `the attestation key's attributes are ${found}: it is no restricted signing key that never leaves its TPM`,
    );
  }
  if (ak.type === "rsa" && (ak.keyBits < 2048 || ak.exponent < 65_537)) {
    throw new Refusal("ak-weak", `the attestation key is RSA with ${ak.keyBits} bits and exponent ${ak.exponent}`);
  }
}

function expectScheme(signature: TpmSignature, ak: PublicArea, allowed: readonly string[]): "rsassa" | "ecdsa" {
  const expected = ak.type === "rsa" ? "rsassa" : "ecdsa";
  const own = ak.scheme === undefined ? "none" : algorithmText(ak.scheme.schemeId);
  if (signature.scheme !== expected || own !== expected) {
    throw new Refusal(
      "signature-scheme",
      `the quote is signed with ${signature.scheme}, an ${ak.type} attestation key of scheme ${own} needs ${expected}`,
    );
  }
  if (!allowed.includes(expected)) {
    throw new Refusal("sign-not-allowed", `the quote is signed with ${expected}, allowed are ${allowed.join(", ")}`);
  }
  return expected;
}

function expectHash(signature: TpmSignature, ak: PublicArea, order: QuoteToVerify): HashName {
  const hash = hashNameOf(signature.hashId);
  const found = algorithmText(signature.hashId);
  if (hash === undefined || hash !== order.hashAlg || signature.hashId !== ak.scheme?.hashId) {
    const own = algorithmText(ak.scheme?.hashId ?? 0);
    throw new Refusal(
      "signature-hash",
      `the quote is signed over ${found}, the agent claims ${JSON.stringify(order.hashAlg)}, the attestation key's is ${own}`,
    );
  }
  if (!order.allowedHashAlgs.includes(hash)) {
    const allowed = order.allowedHashAlgs.join(", ");
    throw new Refusal("hash-not-allowed", `the quote is signed over ${hash}, allowed are ${allowed}`);
  }
  return hash;
}

function expectSignature(attest: Buffer, signature: TpmSignature, hash: HashName, ak: PublicArea): void {
  const key = reading("ak-form", () => publicKeyOf(ak));
  if (!verify(hash, attest, signatureKey(key), signatureBytes(signature, ak))) {
    throw new Refusal("signature-invalid", "the attestation key did not sign this quote");
  }
}

function signatureKey(key: KeyObject): { key: KeyObject; dsaEncoding: "ieee-p1363" } {
  return { key, dsaEncoding: "ieee-p1363" };
}

/** Integers of a curve may come shorter than the curve (leading zeros); an RSA signature is as long as its modulus. */
function signatureBytes(signature: TpmSignature, ak: PublicArea): Buffer {
  if (signature.scheme === "ecdsa" && ak.type === "ecc") {
    const { bytes } = curves[ak.curve];
    return Buffer.concat([padLeft(signature.r, bytes), padLeft(signature.s, bytes)]);
  }
  if (signature.scheme === "ecdsa" || ak.type === "ecc" || signature.signature.length !== ak.modulus.length) {
    throw new Refusal("signature-form", "the signature does not have the length of the attestation key's modulus");
  }
  return signature.signature;
}

function padLeft(value: Buffer, length: number): Buffer {
  if (value.length < 1 || value.length > length) {
    throw new Refusal("signature-form", `an integer of the signature has ${value.length} bytes, the curve ${length}`);
  }
  return Buffer.concat([Buffer.alloc(length - value.length), value]);
}

/** One bank, the signature's: the agent quotes no other, and Keylime's own digest is defined for one only. */
function expectPcrs(attest: QuoteAttest, blob: PcrBlob, hash: HashName): void {
  const [selection, ...others] = attest.selections;
  const [given] = blob.selections;
  if (selection === undefined || others.length > 0 || hashNameOf(selection.hashId) !== hash) {
    const banks = attest.selections.map((bank) => algorithmText(bank.hashId)).join(", ") || "no bank";
    throw new Refusal("pcr-selection", `the quote covers ${banks}, expected exactly ${hash}`);
  }
  if (blob.selections.length !== 1 || given?.hashId !== selection.hashId || !sameNumbers(given.pcrs, selection.pcrs)) {
    throw new Refusal("pcr-selection", "the PCR values are not those of the PCRs that the quote covers");
  }
  const digest = createHash(hash);
  for (const value of blob.values) digest.update(value);
  if (!digest.digest().equals(attest.pcrDigest)) {
    throw new Refusal("pcr-digest", "the PCR values are not those the TPM signed");
  }
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
