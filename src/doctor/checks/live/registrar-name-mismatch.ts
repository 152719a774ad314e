import { defineCheck } from "../check.js";
import { judgeName } from "./name-mismatch.js";

export const registrarNameMismatch = defineCheck({
  id: "registrar-name-mismatch",
  family: "live",
  title: "the registrar's certificate carries the name it is reached by",
  // Only plugins that verify it have a registrar to reach.
  judge: (facts) => judgeName(facts, { role: "registrar", key: "keylime_registrar_server_name", verifies: true }),
});
