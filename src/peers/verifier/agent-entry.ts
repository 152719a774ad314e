import type { ClockInfo } from "../../formats/tpm/attest.js";
import { isAtLeast } from "../http/api-versions.js";
import { type OperationalState, states } from "./states.js";

/** An agent as the verifier's database holds it (`keylime/db/verifier_db.py`, 7.14.3); texts as they were posted. */
export interface AgentEntry {
  agentId: string;
  operationalState: OperationalState;
  /** Null for push agents, as is the port. */
  ip: string | null;
  port: number | null;
  /** The payload key's half, base64; null when no payload is delivered. */
  v: string | null;
  /** JSON that is a Python literal too, with `mask`. */
  tpmPolicy: string;
  metaData: string;
  acceptedHashAlgs: readonly string[];
  acceptedEncryptionAlgs: readonly string[];
  acceptedSigningAlgs: readonly string[];
  /** Without `v`: `2.5`. */
  supportedVersion: string;
  /** Base64 of TPM2B_PUBLIC. */
  akTpm: string;
  mtlsCert: string | null;
  runtimePolicyName: string;
  mbPolicyName: string;
  verifierId: string;
  verifierIp: string;
  verifierPort: number | string;
  /** What the last quote used; empty before the first. */
  hashAlg: string;
  encAlg: string;
  signAlg: string;
  /** PEM of the payload key that the agent sent with its last full quote. */
  publicKey: string;
  /** Number of the worst failure's label; 6 is `emergency`. */
  severityLevel: number | null;
  lastEventId: string | null;
  attestationCount: number;
  /** Unix seconds, 0 for never. */
  lastReceivedQuote: number;
  lastSuccessfulAttestation: number;
  /** Of the last good quote. */
  clock: ClockInfo | undefined;
  /** Push mode: false after a time-out. */
  acceptAttestations: boolean;
  consecutiveFailures: number;
}

/** An agent before its first round; the named fields replace what an enrolment without them would leave. */
export function newAgentEntry(fields: Partial<AgentEntry>): AgentEntry {
  return {
    agentId: "",
    operationalState: states.start,
    ip: null,
    port: null,
    v: null,
    tpmPolicy: "{}",
    metaData: "{}",
    acceptedHashAlgs: ["sha512", "sha384", "sha256"],
    acceptedEncryptionAlgs: ["ecc", "rsa"],
    acceptedSigningAlgs: ["ecdsa", "rsassa"],
    supportedVersion: "2.5",
    akTpm: "",
    mtlsCert: null,
    runtimePolicyName: "",
    mbPolicyName: "",
    verifierId: "default",
    verifierIp: "",
    verifierPort: 0,
    hashAlg: "",
    encAlg: "",
    signAlg: "",
    publicKey: "",
    severityLevel: null,
    lastEventId: null,
    attestationCount: 0,
    lastReceivedQuote: 0,
    lastSuccessfulAttestation: 0,
    clock: undefined,
    acceptAttestations: true,
    consecutiveFailures: 0,
    ...fields,
  };
}

export interface StatusContext {
  /** The newest API version of the server: fields came with versions. */
  version: string;
  quoteIntervalMs: number;
  hasRuntimePolicy: boolean;
  hasMbPolicy: boolean;
}

/** The `results` of GET /agents/{id} (`process_get_status` in `keylime/cloud_verifier_common.py`). */
export function statusOf(agent: AgentEntry, context: StatusContext): Record<string, unknown> {
  const { version, quoteIntervalMs, hasRuntimePolicy, hasMbPolicy } = context;
  const periodS = quoteIntervalMs / 1000;
  const since25 = {
    attestation_status: attestationStatus(agent),
    attestation_period: `${Math.trunc(periodS)}s`,
    maximum_attestation_interval: `${Math.trunc(periodS * 5)}s`,
  };
  return {
    operational_state: agent.operationalState,
    v: agent.v,
    ip: agent.ip,
    port: agent.port,
    tpm_policy: agent.tpmPolicy,
    meta_data: agent.metaData,
    has_mb_refstate: Number(hasMbPolicy),
    has_runtime_policy: Number(hasRuntimePolicy),
    accept_tpm_hash_algs: agent.acceptedHashAlgs,
    accept_tpm_encryption_algs: agent.acceptedEncryptionAlgs,
    accept_tpm_signing_algs: agent.acceptedSigningAlgs,
    hash_alg: agent.hashAlg,
    enc_alg: agent.encAlg,
    sign_alg: agent.signAlg,
    verifier_id: agent.verifierId,
    verifier_ip: agent.verifierIp,
    verifier_port: agent.verifierPort,
    severity_level: agent.severityLevel,
    last_event_id: agent.lastEventId,
    attestation_count: agent.attestationCount,
    last_received_quote: agent.lastReceivedQuote,
    last_successful_attestation: agent.lastSuccessfulAttestation,
    ...(isAtLeast(version, "2.5") ? since25 : {}),
  };
}

export function isPushAgent({ ip, port }: AgentEntry): boolean {
  return ip === null && port === null;
}

function attestationStatus(agent: AgentEntry): "PASS" | "FAIL" | "PENDING" | "TIMEOUT" {
  if (isPushAgent(agent)) return pushStatus(agent);
  const { operationalState: state } = agent;
  if (state >= states.getQuote && state <= states.provideVRetry) return "PASS";
  return state === states.failed || state >= states.invalidQuote ? "FAIL" : "PENDING";
}

function pushStatus(agent: AgentEntry): "PASS" | "FAIL" | "PENDING" | "TIMEOUT" {
  if (agent.consecutiveFailures > 0) return "FAIL";
  if (!agent.acceptAttestations) return "TIMEOUT";
  return agent.attestationCount > 0 ? "PASS" : "PENDING";
}
