import { defineCheck } from "../check.js";
import { judgeEndpoints } from "./judge-endpoints.js";
import { judgeReached } from "./unreachable.js";

const keys = "keylime_agent_host and keylime_agent_port";

export const agentUnreachable = defineCheck({
  id: "agent-unreachable",
  family: "live",
  title: "the Keylime agent takes connections",
  judge: (facts) =>
    judgeEndpoints(facts, ["agent"], (endpoint) => judgeReached({ facts, endpoint, service: "keylime_agent", keys })),
});
