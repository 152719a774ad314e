import { createHash, type Hash } from "node:crypto";
import { type HashName, hashNameOf } from "../../formats/tpm/algorithms.js";
import type { QuoteAttest } from "../../formats/tpm/attest.js";
import { readPcrBlob } from "../../formats/tpm/pcr-blob.js";
import { type QuoteVerdict, verifyQuote } from "../../keylime/quote.js";
import { type FailureEvent, failureEvent } from "./failure.js";

export interface CheckedQuote {
  attest: QuoteAttest;
  hashAlg: HashName;
  /** Lower-case hex by PCR number, of the bank with the signature's hash. */
  pcrs: ReadonlyMap<number, string>;
}

export interface QuoteQuestion {
  quote: string;
  nonce: string;
  /** Base64 of TPM2B_PUBLIC. */
  akTpm: string;
  hashAlg: string;
}

export type QuoteCheck = { ok: true; quote: CheckedQuote } | { ok: false; failure: FailureEvent };

const recognisedHashes = ["sha1", "sha256", "sha384", "sha512"];
const signatureSchemes = ["rsassa", "ecdsa"];

export function isRecognisedHash(name: unknown): name is string {
  return typeof name === "string" && recognisedHashes.includes(name);
}

/**
 * Signature, structure, nonce and PCR digest of a quote, told in the words of the real verifier where it has words
 * for it (`keylime/tpm/tpm_util.py`, 7.14.3).
 */
export function checkQuote({ quote, nonce, akTpm, hashAlg }: QuoteQuestion): QuoteCheck {
  const formFault = quoteFormFault(quote);
  if (formFault !== undefined) return refused("invalid_quote", { message: `Quote validation failed: ${formFault}` });
  const verdict = verifyQuote({
    quote,
    nonce,
    akPublic: Buffer.from(akTpm, "base64"),
    hashAlg,
    allowedHashAlgs: recognisedHashes,
    allowedSignAlgs: signatureSchemes,
  });
  if (!verdict.accepted) {
    const error = refusalWords(verdict, quote, hashAlg);
    return refused("quote_validation", { message: "Quote data validation", error });
  }
  return {
    ok: true,
    quote: { attest: verdict.attest, hashAlg: verdict.hashAlg, pcrs: pcrValues(quote, verdict.hashAlg) },
  };
}

/** H(zeros || H(data)): what PCR 16 holds after the agent bound its payload key to it. */
export function boundValue(hashAlg: HashName, data: string): string {
  const digest = hash(hashAlg).update(data, "utf8").digest();
  return hash(hashAlg).update(Buffer.alloc(digest.length)).update(digest).digest("hex");
}

function refused(event: string, context: Record<string, unknown>): QuoteCheck {
  return { ok: false, failure: failureEvent(`qoute_validation.${event}`, context) };
}

function quoteFormFault(quote: string): string | undefined {
  if (!quote.startsWith("r")) return `Invalid quote type ${quote.slice(0, 1)}`;
  return quote.split(":").length < 3 ? `Quote is not compound! ${quote.slice(1)}` : undefined;
}

function refusalWords(
  { reason, message }: Extract<QuoteVerdict, { accepted: false }>,
  quote: string,
  hashAlg: string,
): string {
  switch (reason) {
    case "nonce-mismatch":
      return "The nonce from the attestation differs from the expected nonce";
    case "pcr-digest":
      return "The digest used for quoting is different than the one that was calculated";
    case "attest-magic":
      return "Bad magic in tpms_attest";
    case "signature-hash":
      return `Quote was expected to use ${hashAlg} but used ${signatureHash(quote)} instead`;
    default:
      return message;
  }
}

function signatureHash(quote: string): string {
  const signature = Buffer.from(quote.split(":")[1] ?? "", "base64");
  const id = signature.length >= 4 ? signature.readUInt16BE(2) : 0;
  return hashNameOf(id) ?? `0x${id.toString(16)}`;
}

/** Only of accepted quotes: their blob is known to be readable and to have this bank. */
function pcrValues(quote: string, hashAlg: HashName): Map<number, string> {
  const blob = readPcrBlob(Buffer.from(quote.split(":")[2]!, "base64"));
  const numbered = blob.selections.flatMap(({ hashId, pcrs }) =>
    pcrs.map((pcr) => ({ pcr, bank: hashNameOf(hashId) })),
  );
  const entries = numbered.map(({ pcr, bank }, index) => ({ pcr, bank, value: blob.values[index]!.toString("hex") }));
  return new Map(entries.filter(({ bank }) => bank === hashAlg).map(({ pcr, value }) => [pcr, value]));
}

function hash(name: HashName): Hash {
  return createHash(name);
}
