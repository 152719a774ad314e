import type { CertificateFacts } from "../x509/certificate.js";
import type { Identity } from "./identity.js";

/**
 * The certificates that go over the wire, leaf first. To a leaf that stands alone in its file OpenSSL adds the issuers it
 * finds in the CA file (`ssl_add_cert_chain`, OpenSSL 3); to a file with more than a leaf it adds nothing.
 */
export function presentedChain({ chain, trusted }: Pick<Identity, "chain" | "trusted">): readonly CertificateFacts[] {
  if (chain.length !== 1) return chain;
  const sent = [...chain];
  for (let top = sent.at(-1)!; !top.isSelfIssued; top = sent.at(-1)!) {
    const issuer = trusted.find(({ subject }) => subject === top.issuer);
    if (issuer === undefined || sent.includes(issuer)) break;
    sent.push(issuer);
  }
  return sent;
}
