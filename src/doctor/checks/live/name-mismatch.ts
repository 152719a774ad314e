import type { EndpointRole } from "../../facts/endpoints/endpoint-plan.js";
import type { Facts } from "../../facts/facts.js";
import type { Outcome } from "../check.js";
import { judgeEndpoints, namedByEvidence, roleNames, targetOf } from "./judge-endpoints.js";

export interface NameQuestion {
  role: EndpointRole;
  /** The plugin's key for the name to look for. */
  key: string;
  /** Whether the client refuses a server for its name. */
  verifies: boolean;
}

/** Judges whether the certificate of every endpoint of a role carries the name by which its client reaches it. */
export function judgeName(facts: Facts, { role, key, verifies }: NameQuestion): Outcome {
  return judgeEndpoints(facts, [role], (endpoint) => {
    const { name, serverName, id, speaks } = endpoint;
    if (speaks.known && speaks.value === "http")
      return { is: "skipped", reason: `${targetOf(endpoint)} speaks plain HTTP` };
    if (!name.known) return { is: "unknown", reason: name.reason };
    const names = name.value.names.join(", ") || "none";
    if (name.value.matches) return { is: "clear", because: `${targetOf(endpoint)} carries ${serverName}` };
    return {
      is: "found",
      finding: {
        severity: verifies ? "error" : "info",
        stopsAttestation: verifies,
        leg: id,
        summary: `the certificate of the ${roleNames[role]} at ${targetOf(endpoint)} does not carry the name ${serverName}; its names: ${names}${verifies ? "" : " (the Go plugin does not look)"}`,
        evidence: [
          namedByEvidence(endpoint),
          { text: `subject alternative names of the ${roleNames[role]}: ${names}` },
        ],
        fix: verifies
          ? { action: `set ${key} to a name in the certificate: ${names}` }
          : { action: "reach it by one of its names, or issue its certificate with this one" },
      },
    };
  });
}
