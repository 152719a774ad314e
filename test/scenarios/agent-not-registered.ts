import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "a Keylime agent that never reached the registrar",
    world: { registered: false, enrolled: false },
    causes: ["agent-not-registered", "agent-not-enrolled"],
    says: ["the registrar does not know agent", "HTTP 404", "journalctl -u keylime_agent"],
  }),
];
