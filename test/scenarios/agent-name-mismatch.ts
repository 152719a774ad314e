import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "a server name that the Keylime agent's certificate does not carry",
    changes: () => ({ agent: { keylime_agent_server_name: "spire.funlab.casa" } }),
    causes: ["agent-name-mismatch"],
    says: [
      "the certificate of the Keylime agent at 127.0.0.1:",
      "does not carry the name spire.funlab.casa",
      "DNS:agent.keylime.funlab.casa",
      "set keylime_agent_server_name to a name in the certificate",
    ],
  }),
];
