import type { Scenario } from "./support/scenario.js";
import { agentConf, healthy, serverConf, spireConf } from "./support/set-ups.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "another trust domain on the agent",
    tree: (pki) => [healthy(pki), { [agentConf]: spireConf("agent", {}, "funlab.example") }],
    causes: ["spire-trust-domain"],
    says: ["funlab.casa", "funlab.example", `${serverConf}:2`, `${agentConf}:2`],
  },
];
