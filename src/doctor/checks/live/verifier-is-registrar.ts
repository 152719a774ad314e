import { defineCheck } from "../check.js";
import { connectionEvidence, judgeEndpoints, namedByEvidence, targetOf, unseen } from "./judge-endpoints.js";

export const verifierIsRegistrar = defineCheck({
  id: "verifier-is-registrar",
  family: "live",
  title: "a verifier stands at the verifier's port",
  judge: (facts) =>
    judgeEndpoints(facts, ["verifier"], (endpoint) => {
      const { speaks, service, connections } = endpoint;
      const target = targetOf(endpoint);
      if (!speaks.known) return unseen(endpoint)!;
      if (speaks.value === "http") return { is: "skipped", reason: `${target} does not speak TLS` };
      if (!service.known) return { is: "unknown", reason: `${target}: ${service.reason}` };
      if (service.value === "verifier") return { is: "clear", because: `${target} answers in the verifier's words` };
      const telling = connections.filter(({ probed }) =>
        /Agent with ID|read_registration/.test(probed.http?.body ?? ""),
      );
      return {
        is: "found",
        finding: {
          severity: "error",
          stopsAttestation: true,
          leg: endpoint.id,
          summary: `a Keylime registrar stands at ${target}, where the plugin asks its verifier`,
          evidence: [namedByEvidence(endpoint), ...telling.map((each) => connectionEvidence(endpoint, each))],
          fix: { action: "set keylime_verifier_port to the verifier's port, 8881 by default" },
        },
      };
    }),
});
