import type { EndpointFacts, TlsConnectionFacts } from "../../facts/endpoints/endpoint-facts.js";
import { defineCheck, type Finding } from "../check.js";
import {
  configuredConnection,
  connectionEvidence,
  isNameless,
  judgeEndpoints,
  namedByEvidence,
  targetOf,
} from "./judge-endpoints.js";

export const clientCertNotSent = defineCheck({
  id: "client-cert-not-sent",
  family: "live",
  title: "the plugin's client certificate is sent and arrives at the verifier",
  judge: (facts) =>
    judgeEndpoints(facts, ["verifier"], (endpoint) => {
      const connection = configuredConnection(endpoint);
      if (connection === undefined) {
        const why = endpoint.speaks.known ? "the configured certificate was not presented" : endpoint.speaks.reason;
        return { is: "unknown", reason: endpoint.unusable.find(({ label }) => label === "configured")?.reason ?? why };
      }
      const why = whyUnseen(connection);
      if (why !== undefined) return { is: "found", finding: findingOf(endpoint, connection, why) };
      if (connection.probed.outcome === "unknown") return { is: "unknown", reason: connection.probed.evidence };
      if (connection.probed.client_certificates.length > 0) {
        return { is: "clear", because: `${connection.presented!.name} was sent to ${targetOf(endpoint)}` };
      }
      return { is: "unknown", reason: `${targetOf(endpoint)} ended the handshake before it asked for a certificate` };
    }),
});

interface Why {
  text: string;
  action: string;
}

/** Why the verifier saw no certificate although the plugin has one; undefined when it saw it. */
function whyUnseen(connection: TlsConnectionFacts): Why | undefined {
  const { probed, presented, server } = connection;
  const { withheld, certificate_request: request, client_certificates: sent, http, outcome } = probed;
  const name = presented!.name;
  if (withheld !== null) {
    return {
      text: `${name} is not sent: ${withheld}`,
      action: "let the server name the CA that issued the certificate, or present one that it names",
    };
  }
  if (outcome === "accepted" && request === null) {
    return {
      text: `${name} is not sent: the server asks for no client certificate, so something in front of the verifier ends the TLS connection`,
      action:
        "pass the TLS connection through to the verifier, or let the proxy present a certificate of its own to it",
    };
  }
  const isUnseen =
    http !== null && (http.status === 401 || http.status === 403) && /requires .*authentication/.test(http.body);
  if (!isUnseen || sent.length === 0) return undefined;
  if (isNameless(connection)) {
    return {
      text: `${name} was sent, and has no common name, without which Keylime takes its holder for nobody`,
      action: "issue the certificate with a common name",
    };
  }
  return {
    text: `${name} was sent and accepted in the handshake, and the verifier behind it saw none${server === undefined ? "" : ` (${server} answers)`}`,
    action: "pass the TLS connection through to the verifier, or let the proxy present a certificate of its own to it",
  };
}

function findingOf(endpoint: EndpointFacts, connection: TlsConnectionFacts, { text, action }: Why): Finding {
  const { probed } = connection;
  const names = probed.certificate_request?.ca_names ?? [];
  return {
    severity: "error",
    stopsAttestation: true,
    leg: endpoint.id,
    summary: text,
    evidence: [
      namedByEvidence(endpoint),
      connectionEvidence(endpoint, connection),
      ...(names.length === 0 ? [] : [{ text: `the server names the CAs it accepts: ${names.join("; ")}` }]),
    ],
    fix: { action, commands: ["spire-keylime intercept --help"] },
  };
}
