import type { HashName } from "../formats/tpm/algorithms.js";
import type { QuoteAttest } from "../formats/tpm/attest.js";

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
  | "ak-public"
  | "ak-not-restricted"
  | "ak-weak"
  | "attest-form"
  | "attest-magic"
  | "attest-type"
  | "signature-form"
  | "signature-scheme"
  | "signature-hash"
  | "signature-invalid"
  | "nonce-mismatch"
  | "pcr-blob-form"
  | "pcr-selection"
  | "pcr-digest"
  | "hash-not-allowed"
  | "sign-not-allowed";

export type QuoteVerdict =
  | { accepted: true; hashAlg: HashName; signAlg: "rsassa" | "ecdsa"; attest: QuoteAttest }
  | { accepted: false; reason: QuoteRefusal; message: string };

/** Judges a quote by itself, whatever a verifier says of it. Never throws. */
export function verifyQuote(_quote: QuoteToVerify): QuoteVerdict {
  return { accepted: false, reason: "quote-form", message: "not built yet" };
}
