import type { Facts } from "../../facts/facts.js";
import { agentViewOf, pluginOf } from "../../facts/spire/plugin-of.js";
import { defineCheck, type Evidence, type Fix } from "../check.js";
import { connectionEvidence, judgeEndpoints, namedByEvidence, targetOf, unseen } from "./judge-endpoints.js";
import { plainEvidence } from "./verifier-not-tls.js";

export const agentMtlsMismatch = defineCheck({
  id: "agent-mtls-mismatch",
  family: "live",
  title: "agent plugin and Keylime agent agree on TLS",
  judge: (facts) =>
    judgeEndpoints(facts, ["agent"], (endpoint) => {
      const { speaks, connections } = endpoint;
      if (!speaks.known) return unseen(endpoint)!;
      const spoken = spokenByPlugin(facts);
      const target = targetOf(endpoint);
      if (spoken.schemes.includes(speaks.value))
        return { is: "clear", because: `${target} speaks ${words[speaks.value]}` };
      return {
        is: "found",
        finding: {
          severity: "error",
          stopsAttestation: true,
          leg: endpoint.id,
          summary: `the agent plugin speaks ${words[spoken.schemes[0]!]} (${spoken.because}), and the Keylime agent at ${target} ${words[speaks.value]}`,
          evidence: [
            namedByEvidence(endpoint),
            ...plainEvidence(endpoint),
            ...connections.slice(0, 1).map((each) => connectionEvidence(endpoint, each)),
            ...registeredEvidence(facts),
          ],
          fix: fixOf(facts, speaks.value),
        },
      };
    }),
});

const words = { tls: "TLS", http: "plain HTTP" } as const;

interface Spoken {
  schemes: readonly ("tls" | "http")[];
  because: string;
}

function spokenByPlugin({ spireAgent }: Facts): Spoken {
  const view = agentViewOf(spireAgent);
  if (pluginOf(spireAgent)?.kind !== "ours") {
    const speaksTls = view?.useTls === true;
    return {
      schemes: [speaksTls ? "tls" : "http"],
      because: speaksTls ? "keylime_agent_use_tls is true" : "the Go plugin knows nothing else",
    };
  }
  if (view?.useTls === true) return { schemes: ["tls"], because: "keylime_agent_use_tls is true" };
  if (view?.useTls === false) return { schemes: ["http"], because: "keylime_agent_use_tls is false" };
  if (view?.tls.caFile === undefined) return { schemes: ["http"], because: "keylime_agent_ca_cert_file is not set" };
  return { schemes: ["tls", "http"], because: "keylime_agent_use_tls is auto" };
}

function fixOf({ spireAgent }: Facts, spoken: "tls" | "http"): Fix {
  if (spoken === "http") {
    return {
      action: 'set keylime_agent_use_tls = "auto", or turn on enable_agent_mtls in the Keylime agent\'s configuration',
    };
  }
  if (pluginOf(spireAgent)?.kind !== "ours") {
    return {
      action: "use an agent plugin that speaks mutual TLS: this one's block is printed by the command",
      commands: ["spire-keylime plugin block agent"],
    };
  }
  return {
    action:
      'set keylime_agent_use_tls = "auto" with keylime_agent_ca_cert_file, keylime_agent_client_cert_file and keylime_agent_client_key_file',
  };
}

function registeredEvidence({ node: { registrar } }: Facts): Evidence[] {
  if (!registrar.known || registrar.value.is !== "registered") return [];
  const { mtlsCert } = registrar.value.entry;
  const told =
    mtlsCert === "disabled" || mtlsCert === undefined ? "mtls_cert is disabled" : "it registered a certificate";
  return [{ text: `the registrar's entry of the agent: ${told}` }];
}
