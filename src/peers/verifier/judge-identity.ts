import { checkQuote, isRecognisedHash, type QuoteQuestion } from "./check-quote.js";
import { type FailureEvent, failureEvent } from "./failure.js";

/** verify/identity: signature, nonce and digest, nothing of the agent's state (`process_verify_identity_quote`). */
export function judgeIdentityQuote(question: QuoteQuestion): FailureEvent | undefined {
  const { hashAlg } = question;
  if (!isRecognisedHash(hashAlg)) {
    const message = `TPM Quote is using an unrecognized hash algorithm: ${hashAlg}`;
    return failureEvent("qoute_validation.invalid_hash_alg", { message, data: hashAlg });
  }
  const check = checkQuote(question);
  return check.ok ? undefined : check.failure;
}
