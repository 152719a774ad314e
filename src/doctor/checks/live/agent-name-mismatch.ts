import { agentViewOf } from "../../facts/spire/plugin-of.js";
import { defineCheck } from "../check.js";
import { judgeName } from "./name-mismatch.js";

export const agentNameMismatch = defineCheck({
  id: "agent-name-mismatch",
  family: "live",
  title: "the Keylime agent's certificate carries the name it is reached by",
  judge: (facts) => {
    const view = agentViewOf(facts.spireAgent);
    if (view !== undefined && view.tls.caFile === undefined) {
      return {
        is: "skipped",
        reason: "the agent plugin has no CA file, so it takes no certificate of a Keylime agent",
      };
    }
    return judgeName(facts, { role: "agent", key: "keylime_agent_server_name", verifies: true });
  },
});
