import { serverViewOf } from "../../facts/spire/plugin-of.js";
import { defineCheck } from "../check.js";
import { judgeName } from "./name-mismatch.js";

export const verifierNameMismatch = defineCheck({
  id: "verifier-name-mismatch",
  family: "live",
  title: "the verifier's certificate carries the name it is reached by",
  judge: (facts) => {
    const verifies = serverViewOf(facts.spireServer)?.verifiesServer ?? true;
    return judgeName(facts, { role: "verifier", key: "keylime_verifier_server_name", verifies });
  },
});
