import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "a Keylime agent that speaks 2.1 only",
    world: { agent: { apiVersions: ["2.1"] }, enrolled: false },
    causes: ["agent-api-version"],
    says: ["offers API 2.1, and /agent/info came with 2.2"],
  }),
];
