import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({ name: "an attested node, this program's plugins, mutual TLS on every leg", causes: [] }),
  liveScenario({
    name: "an attested node whose Keylime agent speaks plain HTTP on loopback",
    world: { agentMtls: false },
    changes: () => ({
      agent: {
        keylime_agent_ca_cert_file: undefined,
        keylime_agent_client_cert_file: undefined,
        keylime_agent_client_key_file: undefined,
      },
    }),
    causes: [],
    findings: ["agent-open-to-relay"],
  }),
];
