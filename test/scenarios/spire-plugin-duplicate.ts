import type { Scenario } from "./support/scenario.js";
import { agentConf, healthy, mendedData, serverConf, spireConf } from "./support/set-ups.js";

const server = spireConf("server", { data: mendedData });
const agent = spireConf("agent", {});
const block = /( {2}NodeAttestor[\s\S]*\n {2}\}\n)/;

export const scenarios: readonly Scenario[] = [
  {
    name: "two blocks of one name",
    tree: (pki) => [healthy(pki), { [serverConf]: server.replace(block, "$1$1") }],
    causes: ["spire-plugin-duplicate"],
    says: [`${serverConf}:6`, `${serverConf}:17`],
  },
  {
    name: "no block on the agent",
    tree: (pki) => [healthy(pki), { [agentConf]: agent.replace(block, "") }],
    causes: ["spire-plugin-duplicate"],
    says: ["agent", "spire-keylime plugin block agent"],
  },
  {
    name: "no block on the server",
    tree: (pki) => [healthy(pki), { [serverConf]: server.replace(block, "") }],
    causes: ["spire-plugin-duplicate"],
    says: ["the SPIRE server has no NodeAttestor"],
  },
  {
    name: "two attestors on the agent",
    tree: (pki) => [
      healthy(pki),
      { [agentConf]: agent.replace(block, '$1  NodeAttestor "join_token" {\n    plugin_data {}\n  }\n') },
    ],
    causes: ["spire-plugin-duplicate"],
    says: ["join_token"],
  },
  {
    name: "another name on the agent",
    tree: (pki) => [healthy(pki), { [agentConf]: agent.replace('"keylime"', '"keylime2"') }],
    causes: ["spire-plugin-duplicate"],
    says: ['"keylime2"'],
  },
];
