import { defineCheck } from "../check.js";
import { judgeEntry } from "./judge-entry.js";

export const agentFailed = defineCheck({
  id: "agent-failed",
  family: "node",
  title: "the agent's attestation neither fails nor has stopped",
  judge: (facts, context) =>
    judgeEntry(facts, context, "agent-failed", (agentId) => ({
      action: "look at the verifier's log for this agent, mend the machine, then reactivate the agent",
      commands: ["journalctl -u keylime_verifier -n 100", `keylime_tenant -c reactivate -u ${agentId}`],
    })),
});
