import { listed } from "../../../core/listed.js";
import type { EndpointFacts, TlsConnectionFacts } from "../../facts/endpoints/endpoint-facts.js";
import { defineCheck, type Finding } from "../check.js";
import {
  configuredConnection,
  connectionEvidence,
  judgeEndpoints,
  namedByEvidence,
  resultOf,
  targetOf,
  unseen,
} from "./judge-endpoints.js";

export const agentRefusesClient = defineCheck({
  id: "agent-refuses-client",
  family: "live",
  title: "the Keylime agent accepts the client certificates of plugin and verifier",
  judge: (facts) =>
    judgeEndpoints(facts, ["agent"], (endpoint) => {
      if (!endpoint.speaks.known) return unseen(endpoint)!;
      if (endpoint.speaks.value === "http") return { is: "skipped", reason: `${targetOf(endpoint)} speaks plain HTTP` };
      const anonymous = endpoint.connections.find(({ presented }) => presented === undefined);
      const tried = endpoint.connections.filter(({ presented }) => presented !== undefined);
      const refused = tried.filter(({ probed }) => probed.outcome === "refused");
      if (refused.length > 0) return { is: "found", finding: refusedFinding(endpoint, refused) };
      if (configuredConnection(endpoint)?.probed.outcome === "accepted") {
        return {
          is: "clear",
          because: `${targetOf(endpoint)} accepts ${tried.map(({ presented }) => presented!.name).join(", ")}`,
        };
      }
      const unusable = endpoint.unusable.find(({ label }) => label === "configured");
      if (unusable !== undefined) return { is: "unknown", reason: unusable.reason };
      if (anonymous?.probed.outcome !== "refused")
        return { is: "unknown", reason: `${targetOf(endpoint)} gave no verdict` };
      return { is: "skipped", reason: "the agent plugin has no client certificate, which agent-mtls-mismatch judges" };
    }),
});

function refusedFinding(endpoint: EndpointFacts, refused: readonly TlsConnectionFacts[]): Finding {
  const whose = refused.map((each) => {
    const { name, label } = each.presented!;
    return `${label === "configured" ? "the agent plugin's" : "the verifier's"} client certificate ${name} (${resultOf(each)})`;
  });
  const isPlugins = refused.some(({ presented }) => presented!.label === "configured");
  return {
    severity: "error",
    stopsAttestation: true,
    leg: isPlugins ? endpoint.id : "verifier->agent",
    summary: `the Keylime agent at ${targetOf(endpoint)} refuses ${listed(whose)}`,
    evidence: [namedByEvidence(endpoint), ...endpoint.connections.map((each) => connectionEvidence(endpoint, each))],
    fix: {
      action:
        "add the root above that certificate to the file that trusted_client_ca names in the Keylime agent's configuration, and restart the Keylime agent",
      commands: ["systemctl restart keylime_agent"],
    },
  };
}
