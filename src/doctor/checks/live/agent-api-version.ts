import { defineCheck } from "../check.js";
import { judgeEndpoints, namedByEvidence, targetOf } from "./judge-endpoints.js";

export const agentApiVersion = defineCheck({
  id: "agent-api-version",
  family: "live",
  title: "the Keylime agent speaks API 2.2 or newer",
  judge: (facts) =>
    judgeEndpoints(facts, ["agent"], (endpoint) => {
      const { version } = endpoint;
      const target = targetOf(endpoint);
      if (!version.known) return { is: "unknown", reason: version.reason };
      if (version.value.is !== "list") return { is: "unknown", reason: `${target} does not tell its versions` };
      const { offered } = version.value;
      const served = offered.filter((each) => /^2\.(?:[2-9]|\d{2,})$/.test(each));
      if (served.length > 0) return { is: "clear", because: `${target} offers ${served.at(-1)}` };
      return {
        is: "found",
        finding: {
          severity: "error",
          stopsAttestation: true,
          leg: endpoint.id,
          summary: `the Keylime agent at ${target} offers API ${offered.join(", ") || "of no version"}, and /agent/info came with 2.2`,
          evidence: [
            namedByEvidence(endpoint),
            {
              text: `/version of ${target}: ${offered.join(", ") || "no version"}`,
              probe: { endpoint: target, presented: "no certificate", result: offered.join(", ") },
            },
          ],
          fix: { action: "upgrade the Keylime agent to 0.2.7 or newer" },
        },
      };
    }),
});
