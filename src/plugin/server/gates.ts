import { judgeState } from "../../keylime/attestation-state.js";
import type { RegistrarAgent } from "../../keylime/types.js";
import type { VerifierAgentAnswer } from "../../keylime/verifier-client.js";
import type { ServerSettings } from "../../spire/settings.js";
import { Refusal } from "../shared/refusal.js";

/** What Keylime's two services know about one node. */
export interface Standing {
  verifier: VerifierAgentAnswer;
  registrar: RegistrarAgent;
}

/** Refuses a node whose state, or whose enrolment, does not admit it. Throws a Refusal. */
export function judgeStanding(standing: Standing, settings: ServerSettings, nowMs: number): void {
  const { agent, verifierNowMs, origin } = standing.verifier;
  const verdict = judgeState(agent, {
    verifierNowMs: verifierNowMs ?? nowMs,
    maxAgeMs: settings.maxAttestationAgeMs,
  });
  if (!verdict.admitted) throw new Refusal(verdict.code, verdict.fault, `${verdict.message} (at ${origin})`);
  for (const missing of missingPolicies(standing, settings)) {
    throw new Refusal("permission-denied", "policy-required", `agent ${agent.agentId} ${missing}`);
  }
}

function missingPolicies({ verifier: { agent }, registrar }: Standing, settings: ServerSettings): string[] {
  const required: [boolean, boolean, string][] = [
    [
      settings.requireRuntimePolicy,
      agent.hasRuntimePolicy === true,
      "is enrolled without a runtime policy, and require_runtime_policy is set",
    ],
    [
      settings.requireMeasuredBoot,
      agent.hasMeasuredBootPolicy === true,
      "is enrolled without a measured boot policy, and require_measured_boot is set",
    ],
    [
      settings.requireAgentMtls,
      typeof registrar.mtlsCert === "object",
      "serves its quotes without mutual TLS, and require_agent_mtls is set",
    ],
  ];
  return required.filter(([wanted, present]) => wanted && !present).map(([, , text]) => text);
}
