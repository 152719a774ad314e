import { errorText } from "../../core/problem.js";
import { type FaultId, faults } from "../../faults/faults.js";
import type { PeerError, PeerErrorFacts } from "../../net/peer-errors.js";
import type { FileSetting } from "../../spire/settings.js";
import type { CertificateFacts } from "../../x509/certificate.js";

/**
 * Explains in one line why a TLS peer refused us: what came back, what was presented from which file, the likeliest fault,
 * and its cure. What the handshake shows is evidence; what the peer trusts is not visible from here, so the fault is called
 * likeliest.
 *
 * @param certFiles the configured client certificate files; the one that was presented is found by its path
 */
export function explainRefusal(error: PeerError, certFiles: readonly FileSetting[]): string {
  const { presented } = error.facts;
  const certFile = certFiles.find(({ path }) => path === presented?.file);
  const likeliest = likeliestFault(error.facts, certFile);
  const fault = likeliest === undefined || likeliest in peersOwnTrust ? (legFault(error) ?? likeliest) : likeliest;
  const what = presentedText(presented?.chain ?? [], certFile);
  const cause =
    fault === undefined ? "" : `; likeliest fault ${fault}: ${faults[fault].title}; ${faults[fault].advice}`;
  return `${errorText(error)}; ${what}${cause}`;
}

/** Faults of the verifier's trust; on the legs to the registrar and the Keylime agent these have a word of their own. */
const peersOwnTrust: Partial<Record<FaultId, true>> = { "verifier-trust-empty": true, "ca-wrong": true };

function legFault({ code }: PeerError): FaultId | undefined {
  return code === "registrar-refuses-client" || code === "agent-refuses-client" ? code : undefined;
}

/** Alerts as OpenSSL 3 sends them about a client certificate (RFC 8446 section 6.2). */
function likeliestFault(facts: PeerErrorFacts, certFile: FileSetting | undefined): FaultId | undefined {
  const chain = facts.presented?.chain ?? [];
  const leaf = chain[0];
  switch (facts.alert?.number) {
    case 48:
      return faultOfUnknownCa(chain, facts.serverChain ?? [], certFile);
    case 43:
      return leaf?.eku !== undefined && !leaf.eku.includes("clientAuth") ? "cert-no-client-auth" : "ca-eku-limits";
    case 45:
      return "cert-expired";
    case 42:
      return leaf !== undefined && leaf.notBeforeMs > Date.now() ? "cert-not-yet-valid" : "cert-weak";
    case 40:
    case 116:
      return leaf === undefined ? "client-cert-not-sent" : undefined;
    default:
      return undefined;
  }
}

/**
 * unknown_ca has four common causes. The default certificate was presented; the file lacks its intermediate; or the
 * certificate comes from the very CA the peer uses itself, and then its own trust list is what is empty or incomplete;
 * else the peer trusts another CA.
 */
function faultOfUnknownCa(
  chain: readonly CertificateFacts[],
  serverChain: readonly CertificateFacts[],
  certFile: FileSetting | undefined,
): FaultId | undefined {
  const leaf = chain[0];
  if (leaf === undefined) return "client-cert-not-sent";
  if (certFile?.isDefault) return "plugin-default-cert";
  const sameIssuer = serverChain[0]?.issuer === leaf.issuer;
  const serverSentIntermediate = serverChain.slice(1).some((certificate) => certificate.subject === leaf.issuer);
  if (chain.length === 1 && sameIssuer && serverSentIntermediate) return "cert-chain-incomplete";
  return sameIssuer ? "verifier-trust-empty" : "ca-wrong";
}

function presentedText(chain: readonly CertificateFacts[], certFile: FileSetting | undefined): string {
  const leaf = chain[0];
  if (leaf === undefined) return "no client certificate was presented";
  const rest = chain.length === 1 ? "alone" : `with ${chain.length - 1} more`;
  return `presented was ${leaf.subject} issued by ${leaf.issuer} (serial ${leaf.serial}), ${rest}${sourceText(certFile)}`;
}

function sourceText(certFile: FileSetting | undefined): string {
  if (certFile === undefined) return "";
  const key = certFile.isDefault ? `the default, since ${certFile.key} is not set` : certFile.key;
  return `, from ${certFile.path} (${key})`;
}
