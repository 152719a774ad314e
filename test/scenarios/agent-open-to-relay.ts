import { liveScenario } from "./support/live-set-ups.js";

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
];
