import { knownApiVersions } from "../../../keylime/api-version.js";
import type { Facts } from "../../facts/facts.js";
import { pluginOf } from "../../facts/spire/plugin-of.js";
import { defineCheck } from "../check.js";
import { judgeEndpoints, namedByEvidence, targetOf } from "./judge-endpoints.js";

export const verifierApiVersion = defineCheck({
  id: "verifier-api-version",
  family: "live",
  title: "plugin and verifier share an API version",
  judge: (facts) =>
    judgeEndpoints(facts, ["verifier"], (endpoint) => {
      const { version } = endpoint;
      const target = targetOf(endpoint);
      if (!version.known) return { is: "unknown", reason: version.reason };
      if (version.value.is === "push-mode") return { is: "skipped", reason: `${target} runs in push mode` };
      if (version.value.is === "none")
        return { is: "unknown", reason: `${target} answers /version with HTTP ${version.value.status}` };
      const spoken = spokenVersions(facts);
      const { offered } = version.value;
      const common = spoken.filter((each) => offered.includes(each));
      if (common.length > 0) return { is: "clear", because: `${target} offers ${common.at(-1)}` };
      const versions =
        spoken.length === 1 ? `API version ${spoken[0]} only` : `API versions ${spoken[0]} to ${spoken.at(-1)}`;
      return {
        is: "found",
        finding: {
          severity: "error",
          stopsAttestation: true,
          leg: endpoint.id,
          summary: `the plugin speaks ${versions}, and the verifier at ${target} offers ${offered.join(", ") || "none"}`,
          evidence: [
            namedByEvidence(endpoint),
            {
              text: `GET https://${target}/version: ${offered.join(", ") || "no version"}`,
              probe: { endpoint: target, presented: "no certificate", result: offered.join(", ") },
            },
          ],
          fix: { action: "upgrade Keylime to 7.11 or newer: 2.2 is the first version with verify/identity" },
        },
      };
    }),
});

/** The Go plugin has 2.2 written into its paths; ours negotiates. */
function spokenVersions({ spireServer }: Facts): readonly string[] {
  return pluginOf(spireServer)?.kind === "ours" ? knownApiVersions : ["2.2"];
}
