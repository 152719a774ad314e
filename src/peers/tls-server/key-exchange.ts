import { alertNumbers } from "../../tls/alert.js";
import type { KeyAgreement } from "../../tls/key-agreement.js";
import { Refusal } from "./refusal.js";

/** The shared secret, or OpenSSL's alert for a key that is none of its group. */
export function agreeWith(clientKey: Buffer, { sharedSecret }: KeyAgreement): Buffer {
  try {
    return sharedSecret(clientKey);
  } catch {
    throw new Refusal(alertNumbers.illegalParameter, "the client's key share is no key of its group");
  }
}
