import { caFile, withAgent, withCertificates } from "./support/certificate-set-ups.js";
import { agentConfOf, liveScenario } from "./support/live-set-ups.js";
import type { Scenario } from "./support/scenario.js";

const shipped = "d432fbb3-d2f1-4a97-9ef7-75bd81c00000";
const keylimeAgentConf = "/etc/keylime/agent.conf";

const live = [
  liveScenario({
    name: "the UUID that Keylime ships",
    world: { agent: { agentId: shipped } },
    causes: [],
    findings: ["agent-default-uuid"],
    says: [`shipped default UUID ${shipped}`, 'uuid = "hash_ek"'],
  }),
  liveScenario({
    name: "the same, and the file that sets it",
    world: { agent: { agentId: shipped } },
    files: (world) => ({ [keylimeAgentConf]: agentConfOf(world) }),
    causes: [],
    findings: ["agent-default-uuid"],
    says: [`uuid = "${shipped}"`, `${keylimeAgentConf}:2`, `in [agent] of ${keylimeAgentConf}`],
  }),
];

const offline: readonly Scenario[] = [
  {
    name: "the file alone",
    tree: (pki) => [
      withCertificates(pki),
      withAgent(pki.agent),
      { [keylimeAgentConf]: `[agent]\nuuid = "${shipped}"\ntrusted_client_ca = "${caFile}"\n` },
    ],
    causes: [],
    findings: ["agent-default-uuid"],
    says: [`${keylimeAgentConf}:2`],
  },
  {
    name: "no line about it in the copy of a machine proves nothing",
    tree: (pki) => [withCertificates(pki), { [keylimeAgentConf]: '[agent]\nenable_agent_mtls = "false"\n' }],
    causes: [],
  },
];

export const scenarios = [...live, ...offline];
