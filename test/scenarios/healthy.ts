import type { Scenario } from "./support/scenario.js";
import { agentConf, healthy, spireConf, verifierConf } from "./support/set-ups.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "the report's set-up with every fault mended",
    tree: (pki) => [healthy(pki)],
    causes: [],
    verdicts: { "verifier-requires-client-certificate": "confirmed" },
    reasons: {
      "verifier-requires-client-certificate": [
        `trusted_client_ca = ["ca.crt"]: one below a root in /etc/keylime/certs/ca.crt (${verifierConf}:7)`,
      ],
    },
  },
  {
    name: "an agent whose plugin_data is empty",
    tree: (pki) => [healthy(pki), { [agentConf]: spireConf("agent", {}) }],
    causes: [],
  },
];
