import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "a verifier of Keylime 7.10, which knows 2.1",
    world: { verifier: { apiVersions: ["1.0", "2.0", "2.1"] }, enrolled: false },
    causes: ["verifier-api-version"],
    says: ["the plugin speaks API versions 2.2 to 2.6", "offers 1.0, 2.0, 2.1"],
  }),
];
