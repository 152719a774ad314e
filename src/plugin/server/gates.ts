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
  const missing = requirements(standing, settings).filter(({ wanted, present }) => wanted && !present);
  if (missing.length === 0) return;
  const why = missing.map(({ lacks, key }) => `${lacks}, and ${key} is set`).join("; it ");
  const hint = missing.map(({ mend }) => mend).join("; ");
  throw new Refusal("permission-denied", "policy-required", `agent ${agent.agentId} ${why}`, hint);
}

interface Requirement {
  key: string;
  wanted: boolean;
  present: boolean;
  lacks: string;
  mend: string;
}

function requirements({ verifier: { agent }, registrar }: Standing, settings: ServerSettings): Requirement[] {
  return [
    {
      key: "require_runtime_policy",
      wanted: settings.requireRuntimePolicy,
      present: agent.hasRuntimePolicy === true,
      lacks: "is enrolled without a runtime policy",
      mend: `enrol it with one: keylime_tenant -c update -u ${agent.agentId} --runtime-policy <file>`,
    },
    {
      key: "require_measured_boot",
      wanted: settings.requireMeasuredBoot,
      present: agent.hasMeasuredBootPolicy === true,
      lacks: "is enrolled without a measured boot policy",
      mend: `enrol it with one: keylime_tenant -c update -u ${agent.agentId} --mb-policy <file>`,
    },
    {
      key: "require_agent_mtls",
      wanted: settings.requireAgentMtls,
      present: typeof registrar.mtlsCert === "object",
      lacks: "serves its quotes without mutual TLS",
      mend: "set enable_agent_mtls = true in the Keylime agent's configuration and enrol it anew",
    },
  ];
}
