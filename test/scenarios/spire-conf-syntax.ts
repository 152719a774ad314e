import type { Scenario } from "./support/scenario.js";
import { agentConf, healthy, mendedData, serverConf, spireConf } from "./support/set-ups.js";

const text = spireConf("server", { data: mendedData });

export const scenarios: readonly Scenario[] = [
  {
    name: "a string that is not closed",
    tree: (pki) => [healthy(pki), { [serverConf]: text.replace('port = "8881"', 'port = "8881') }],
    causes: ["spire-conf-syntax"],
    says: [`${serverConf}:11`],
  },
  {
    name: "a brace that is missing at the end of agent.conf",
    tree: (pki) => [healthy(pki), { [agentConf]: spireConf("agent", {}).replace(/\}\n$/, "") }],
    causes: ["spire-conf-syntax"],
    says: ["agent", agentConf],
  },
  {
    name: "the agent's file in the server's place",
    tree: (pki) => [healthy(pki), { [serverConf]: spireConf("agent", {}) }],
    causes: ["spire-conf-syntax"],
    says: ["no server block"],
  },
];
