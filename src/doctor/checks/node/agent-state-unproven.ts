import { defineCheck } from "../check.js";
import { judgeEntry } from "./judge-entry.js";

export const agentStateUnproven = defineCheck({
  id: "agent-state-unproven",
  family: "node",
  title: "a completed round, recent enough, stands behind the agent's state",
  judge: (facts, context) =>
    judgeEntry(facts, context, "agent-state-unproven", (agentId) => ({
      action:
        "wait for the verifier's next completed round; when none comes, look at the Keylime agent and at the way from the verifier to it",
      commands: [`keylime_tenant -c status -u ${agentId}`],
    })),
});
