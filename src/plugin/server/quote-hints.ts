import type { QuoteRefusal } from "../../keylime/quote.js";

const foreign = "find out who answers in place of the node's TPM, and keep the node out until then";

/** One action for each reason for which a quote is refused; nothing mends a quote that another made, or that was changed. */
export const quoteHints: Readonly<Record<QuoteRefusal, string>> = {
  "quote-form": foreign,
  "ak-form": "look at the agent's record at the registrar, and register the node's Keylime agent anew",
  "ak-not-restricted":
    "register the node's Keylime agent with a restricted signing key, as Keylime's own agents make it",
  "ak-weak": "register the node's Keylime agent with an attestation key of RSA 2048 or P-256 at least",
  "signature-form": foreign,
  "signature-scheme": foreign,
  "signature-hash": foreign,
  "signature-invalid": "restart its Keylime agent, so that the registrar has its present key",
  "hash-not-allowed":
    "extend allowed_hash_algs, or set tpm_hash_alg in the Keylime agent's configuration to one of these",
  "sign-not-allowed":
    "extend allowed_sign_algs, or set tpm_signing_alg in the Keylime agent's configuration to one of these",
  "attest-form": foreign,
  "attest-magic": foreign,
  "attest-type": foreign,
  "nonce-mismatch": foreign,
  "pcr-blob-form": foreign,
  "pcr-selection": foreign,
  "pcr-digest": foreign,
};
