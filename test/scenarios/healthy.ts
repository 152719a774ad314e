import type { Scenario } from "./support/scenario.js";
import { agentConf, healthy, spireConf } from "./support/set-ups.js";

export const scenarios: readonly Scenario[] = [
  { name: "the report's set-up with every fault mended", tree: (pki) => [healthy(pki)], causes: [] },
  {
    name: "an agent whose plugin_data is empty",
    tree: (pki) => [healthy(pki), { [agentConf]: spireConf("agent", {}) }],
    causes: [],
  },
];
