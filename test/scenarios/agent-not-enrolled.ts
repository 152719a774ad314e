import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "a registered node that nobody added at the verifier",
    world: { enrolled: false },
    causes: ["agent-not-enrolled"],
    says: ["the verifier does not know agent", "agent id not found", "keylime_tenant -c add -u"],
  }),
];
