import { agentConfOf, liveScenario } from "./support/live-set-ups.js";

const plain = {
  keylime_agent_ca_cert_file: undefined,
  keylime_agent_client_cert_file: undefined,
  keylime_agent_client_key_file: undefined,
};

export const scenarios = [
  liveScenario({
    name: "plain HTTP whose reach is not seen",
    world: { agentMtls: false },
    changes: () => ({ agent: plain }),
    causes: [],
    findings: ["agent-open-to-relay"],
    says: ["whether others than this machine reach it is not known", "without a certificate: HTTP 200, with a quote"],
  }),
  liveScenario({
    name: "plain HTTP on every address, by the Keylime agent's file",
    world: { agentMtls: false },
    changes: () => ({ agent: plain }),
    files: (world) => ({
      "/etc/keylime/agent.conf": agentConfOf(world, { enable_agent_mtls: "false", ip: "0.0.0.0" }),
    }),
    causes: [],
    findings: ["agent-open-to-relay"],
    says: [
      "gets an identity quote for any nonce, and can attest as this machine",
      'ip = "0.0.0.0" (/etc/keylime/agent.conf:3)',
    ],
  }),
  liveScenario({
    name: "not with plain HTTP on loopback, by the Keylime agent's file",
    world: { agentMtls: false },
    changes: () => ({ agent: plain }),
    files: (world) => ({ "/etc/keylime/agent.conf": agentConfOf(world, { enable_agent_mtls: "false" }) }),
    causes: [],
  }),
];
