import { defineCheck } from "../check.js";
import { judgeEndpoints } from "./judge-endpoints.js";
import { judgeReached } from "./unreachable.js";

const keys = "keylime_verifier_host and keylime_verifier_port";

export const verifierUnreachable = defineCheck({
  id: "verifier-unreachable",
  family: "live",
  title: "the verifier takes connections",
  judge: (facts) =>
    judgeEndpoints(facts, ["verifier"], (endpoint) =>
      judgeReached({ facts, endpoint, service: "keylime_verifier", keys }),
    ),
});
