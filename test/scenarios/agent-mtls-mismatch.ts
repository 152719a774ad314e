import { liveScenario } from "./support/live-set-ups.js";
import { agentConf, spireConf } from "./support/set-ups.js";

export const scenarios = [
  liveScenario({
    name: "the Go plugin's plain HTTP and a Keylime agent with mutual TLS",
    files: ({ agent }) => ({
      [agentConf]: spireConf("agent", { data: [`keylime_agent_port = "${agent.address.port}"`] }),
    }),
    causes: ["agent-mtls-mismatch"],
    says: ["the agent plugin speaks plain HTTP (the Go plugin knows nothing else), and the Keylime agent at", "TLS"],
  }),
  liveScenario({
    name: "TLS demanded of a Keylime agent that speaks plain HTTP",
    world: { agentMtls: false },
    changes: () => ({ agent: { keylime_agent_use_tls: "true" } }),
    causes: ["agent-mtls-mismatch"],
    findings: ["agent-open-to-relay"],
    says: ["keylime_agent_use_tls is true", "plain HTTP", "mtls_cert is disabled"],
  }),
];
