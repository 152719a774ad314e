import { defineCheck } from "../check.js";
import { judgeAllEndpoints } from "./judge-endpoints.js";
import { judgeReached } from "./unreachable.js";

const pluginKeys = "keylime_verifier_host and keylime_verifier_port";

export const verifierUnreachable = defineCheck({
  id: "verifier-unreachable",
  family: "live",
  title: "the verifier takes connections",
  judge: (facts) =>
    judgeAllEndpoints(facts, ["verifier"], (endpoint) =>
      judgeReached({
        facts,
        endpoint,
        service: "keylime_verifier",
        keys: endpoint.askedBy === "nobody" ? "ip and port in [verifier]" : pluginKeys,
      }),
    ),
});
