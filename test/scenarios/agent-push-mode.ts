import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "an entry without address, as a push agent has",
    plant: ({ verifier, agentId }) => verifier.changeAgent(agentId, { ip: null, port: null }),
    causes: ["agent-push-mode"],
    says: ["is attested in push mode", "neither address nor port"],
  }),
  liveScenario({
    name: "a verifier in push mode",
    world: { verifier: { mode: "push" }, enrolled: false },
    causes: ["agent-push-mode"],
    says: ["HTTP 410"],
  }),
];
