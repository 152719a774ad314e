import type { FaultId } from "../../../faults/faults.js";
import { judgeRefusedChain, type RefusedChainReason, refusedChainFaults } from "../../../net/judge-refused-chain.js";
import type { EndpointFacts, TlsConnectionFacts } from "../../facts/endpoints/endpoint-facts.js";
import type { Facts } from "../../facts/facts.js";
import type { Leg, LocatedCertificate } from "../../legs/leg.js";
import { findLeg } from "../../legs/legs-of.js";
import { liveEndpoint } from "../../legs/live-view.js";
import { certificateEvidence } from "../certificates/certificate-words.js";
import type { Evidence, Finding } from "../check.js";
import { configuredConnection, connectionEvidence, namedByEvidence, resultOf, targetOf } from "./judge-endpoints.js";

const legId = "plugin->verifier";

/**
 * A verifier whose files are not at hand refuses the plugin's certificate: what its alert, what was presented and its own
 * chain tell. Undefined when nothing was refused, or when the verifier's files tell more. Pure.
 */
export function unseenRefusal(facts: Facts, nowMs: number): { id: FaultId; finding: Finding } | undefined {
  const leg = findLeg(legId, facts, nowMs);
  const endpoint = liveEndpoint(legId, facts);
  const own = endpoint === undefined ? undefined : configuredConnection(endpoint);
  if (leg?.verdicts.server.is !== "unknown" || endpoint === undefined || own?.probed.outcome !== "refused")
    return undefined;
  const sent = leg.client.presented?.sent ?? [];
  const { alert } = own.probed;
  // The default certificate has a fault of its own.
  if (alert?.from !== "server" || sent.length === 0 || leg.client.presented?.own?.use.isDefault === true)
    return undefined;
  const known = [...(leg.server.presented?.sent ?? []), ...vouching(leg)];
  const refused = judgeRefusedChain({
    alert: alert.number,
    chain: sent.map(factsOf),
    known: known.map(factsOf),
    nowMs,
  });
  if (refused === undefined || refused.reason === "none-sent") return undefined;
  return { id: faultOf(refused), finding: findingOf(refused, leg, endpoint, own) };
}

const factsOf = ({ certificate }: LocatedCertificate) => certificate.facts;

/** What the plugin trusts counts as the verifier's PKI when it vouches for the verifier. */
function vouching({ verdicts, client }: Leg): readonly LocatedCertificate[] {
  return verdicts.client.is === "accepts" && verdicts.client.isVerified ? (client.trust?.certificates ?? []) : [];
}

function faultOf({ reason }: RefusedChainReason): FaultId {
  if (reason === "same-pki") return "verifier-trust-empty";
  return reason === "other-pki" ? "ca-wrong" : refusedChainFaults[reason];
}

function findingOf(refused: RefusedChainReason, leg: Leg, endpoint: EndpointFacts, own: TlsConnectionFacts): Finding {
  const sent = leg.client.presented!.sent;
  const [leaf] = sent;
  const { because, action } = wordsOf(refused, own.presented!.name);
  return {
    severity: "error",
    stopsAttestation: true,
    isDoubtful: true,
    leg: legId,
    summary: `the verifier at ${targetOf(endpoint)} refuses ${leaf!.certificate.facts.subject} (${resultOf(own)}): ${because}`,
    evidence: [
      namedByEvidence(endpoint),
      connectionEvidence(endpoint, own),
      ...others(endpoint),
      ...sent.map(({ certificate, path }) => certificateEvidence(certificate, path, "")),
      ...(leg.server.presented?.sent ?? []).slice(0, 1).map(servedEvidence),
      { text: "the verifier's configuration is not at hand: run the doctor on its host, or give --verifier-config" },
    ],
    fix: { action },
  };
}

/** What became of other certificates: one that is taken shows that the verifier trusts a CA. */
function others(endpoint: EndpointFacts): Evidence[] {
  return endpoint.connections
    .filter(({ presented }) => presented !== undefined && presented.label !== "configured")
    .map((each) => connectionEvidence(endpoint, each));
}

function servedEvidence({ certificate, path }: LocatedCertificate): Evidence {
  const { subject, issuer } = certificate.facts;
  return { text: `${path} itself presents ${subject}, issued by ${issuer}` };
}

function wordsOf(refused: RefusedChainReason, name: string): { because: string; action: string } {
  switch (refused.reason) {
    case "same-pki":
      return {
        because:
          "it is of the verifier's own PKI, so its trusted_client_ca is empty, or names no file that ends in the root",
        action:
          "on the verifier's host name a file that ends in the root in trusted_client_ca, and restart the verifier with its workers",
      };
    case "other-pki":
      return {
        because: `it was issued by ${refused.certificate.issuer}, of another PKI than the verifier's, which that one seems not to trust`,
        action: `add ${refused.certificate.issuer} and its root to the verifier's trusted_client_ca, or configure a certificate that the verifier trusts in place of ${name}`,
      };
    case "issuer-not-sent":
      return {
        because: `its issuer ${refused.certificate.issuer} was not sent with it`,
        action: `append the intermediate ${refused.certificate.issuer} to ${name}`,
      };
    case "clocks-differ":
      return { because: "it has expired by the verifier's clock", action: "compare the clocks of the two hosts" };
    case "wrong-key":
      return { because: "the signature does not fit it", action: `look whether the key belongs to ${name}` };
    case "wrong-purpose":
    case "purpose-excluded":
      return {
        because: `${refused.certificate.subject} is not for clients`,
        action: "issue the certificate with the extended key usage clientAuth",
      };
    default:
      return { because: "its dates do not fit", action: `renew ${name}` };
  }
}
