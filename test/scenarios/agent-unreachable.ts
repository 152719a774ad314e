import { freePort } from "../support/free-port.js";
import { liveScenario } from "./support/live-set-ups.js";
import { agentConf } from "./support/set-ups.js";

export const scenarios = [
  liveScenario({
    name: "a port on which no Keylime agent listens",
    changes: async () => ({ agent: { keylime_agent_port: String(await freePort()) } }),
    causes: ["agent-unreachable"],
    says: ["the Keylime agent at 127.0.0.1:", "connection refused", `${agentConf}:12`],
  }),
];
