import type { EndpointFacts } from "../../facts/endpoints/endpoint-facts.js";
import { defineCheck, type Evidence } from "../check.js";
import { judgeEndpoints, namedByEvidence, targetOf, unseen } from "./judge-endpoints.js";

export const verifierNotTls = defineCheck({
  id: "verifier-not-tls",
  family: "live",
  title: "the verifier's port speaks TLS",
  judge: (facts) =>
    judgeEndpoints(facts, ["verifier"], (endpoint) => {
      const { speaks, service } = endpoint;
      if (!speaks.known) return unseen(endpoint)!;
      const target = targetOf(endpoint);
      if (speaks.value === "tls") return { is: "clear", because: `${target} speaks TLS` };
      const whose = service.known ? `, as the ${service.value}'s port for agents does` : "";
      return {
        is: "found",
        finding: {
          severity: "error",
          stopsAttestation: true,
          leg: endpoint.id,
          summary: `${target} answers in plain HTTP${whose}, where the plugin speaks TLS`,
          evidence: [namedByEvidence(endpoint), ...plainEvidence(endpoint)],
          fix: { action: "set keylime_verifier_port to the verifier's HTTPS port, 8881 by default" },
        },
      };
    }),
});

/** What came back without TLS. */
export function plainEvidence(endpoint: EndpointFacts): Evidence[] {
  const { plain } = endpoint;
  if (plain?.is !== "http") return [];
  const result = `HTTP ${plain.status} without TLS`;
  return [
    {
      text: `GET http://${targetOf(endpoint)}/version: ${result}`,
      probe: { endpoint: targetOf(endpoint), presented: "no TLS", result },
    },
  ];
}
