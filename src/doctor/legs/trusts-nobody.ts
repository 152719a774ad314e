import { commentedOption, hasSection } from "../../keylime/config/settle-option.js";
import type { Facts } from "../facts/facts.js";
import type { KeylimeServiceFacts } from "../facts/keylime/keylime-facts.js";
import { isUnsaid } from "../facts/unsaid.js";

/**
 * Whether the verifier's configuration evidently names no CA for client certificates: an empty list, `all`, or a list behind
 * a comment sign.
 */
export function trustsNobody({ scope }: Pick<Facts, "scope">, { config, tls }: KeylimeServiceFacts): boolean {
  const { option, list } = tls.trustedClientCa!;
  if (!hasSection(config) || (list.is !== "empty" && list.is !== "all")) return false;
  return !isUnsaid(scope, option) || commentedOption(config, "trusted_client_ca") !== undefined;
}
