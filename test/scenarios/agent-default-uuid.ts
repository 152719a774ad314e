import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "the UUID that Keylime ships",
    world: { agent: { agentId: "d432fbb3-d2f1-4a97-9ef7-75bd81c00000" } },
    causes: [],
    findings: ["agent-default-uuid"],
    says: ["shipped default UUID d432fbb3-d2f1-4a97-9ef7-75bd81c00000", 'uuid = "generate"'],
  }),
];
