import { defineCheck } from "../check.js";
import { connectionEvidence, judgeAllEndpoints, namedByEvidence, targetOf, unseen } from "./judge-endpoints.js";
import { isNeeded } from "./unreachable.js";
import { plainEvidence } from "./verifier-not-tls.js";

export const registrarPortMixup = defineCheck({
  id: "registrar-port-mixup",
  family: "live",
  title: "HTTP and HTTPS of the registrar are each spoken on their own port",
  judge: (facts) =>
    judgeAllEndpoints(facts, ["registrar", "registrar-http"], (endpoint) => {
      const { speaks, role, connections } = endpoint;
      if (endpoint.askedBy === "nobody") return { is: "skipped", reason: "no plugin asks the registrar" };
      if (!speaks.known) return unseen(endpoint)!;
      const wanted = role === "registrar" ? "tls" : "http";
      const target = targetOf(endpoint);
      if (speaks.value === wanted) return { is: "clear", because: `${target} speaks ${wordsOf[wanted]}` };
      return {
        is: "found",
        finding: {
          severity: "error",
          stopsAttestation: isNeeded(facts, endpoint),
          leg: endpoint.id,
          summary: `the registrar's ${target} speaks ${wordsOf[speaks.value]}, where ${wordsOf[wanted]} is spoken to it`,
          evidence: [
            namedByEvidence(endpoint),
            ...plainEvidence(endpoint),
            ...connections.slice(0, 1).map((each) => connectionEvidence(endpoint, each)),
          ],
          fix: {
            action:
              role === "registrar"
                ? "set keylime_registrar_port to the registrar's HTTPS port, 8891 by default"
                : "set registrar_port in the Keylime agent's configuration to the registrar's HTTP port, 8890 by default",
          },
        },
      };
    }),
});

const wordsOf = { tls: "TLS", http: "plain HTTP" } as const;
