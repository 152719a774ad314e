import { serverViewOf } from "../../facts/spire/plugin-of.js";
import { defineCheck } from "../check.js";
import { judgeEndpoints, namedByEvidence, targetOf } from "./judge-endpoints.js";

export const verifierNameMismatch = defineCheck({
  id: "verifier-name-mismatch",
  family: "live",
  title: "the certificate of verifier and registrar carries the name they are reached by",
  judge: (facts) => {
    const verifies = serverViewOf(facts.spireServer)?.verifiesServer ?? true;
    return judgeEndpoints(facts, ["verifier", "registrar"], (endpoint) => {
      const { name, serverName, role, id } = endpoint;
      if (!name.known) return { is: "unknown", reason: name.reason };
      const names = name.value.names.join(", ") || "none";
      if (name.value.matches) return { is: "clear", because: `${targetOf(endpoint)} carries ${serverName}` };
      const key = `keylime_${role}_server_name`;
      return {
        is: "found",
        finding: {
          severity: verifies ? "error" : "info",
          stopsAttestation: verifies,
          leg: id,
          summary: `the certificate of ${targetOf(endpoint)} does not carry the name ${serverName}; its names: ${names}${verifies ? "" : " (the Go plugin does not look)"}`,
          evidence: [namedByEvidence(endpoint), { text: `subject alternative names of the ${role}: ${names}` }],
          fix: verifies
            ? { action: `set ${key} to a name in the certificate: ${names}` }
            : { action: "reach it by one of its names, or issue its certificate with this one" },
        },
      };
    });
  },
});
