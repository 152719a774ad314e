import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "an address on which nothing listens",
    plant: ({ verifier, agentId }) => verifier.changeAgent(agentId, { port: 9, operationalState: 7 }),
    causes: ["agent-contact-address", "agent-failed"],
    says: ["127.0.0.1:9, does not take connections from the verifier's machine (connection refused)", "contact_ip"],
  }),
];
