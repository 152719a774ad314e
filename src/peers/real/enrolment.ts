import { Problem } from "../../core/problem.js";
import type { HttpsAnswer, HttpsRequest } from "./https-request.js";
import { until } from "./until.js";

/** An admin of verifier and registrar, whichever programs they are; paths start with `/v2.…`. */
export interface KeylimeAdmin {
  askVerifier(path: string, request?: Pick<HttpsRequest, "method" | "body">): Promise<HttpsAnswer>;
  askRegistrar(path: string, request?: Pick<HttpsRequest, "method" | "body">): Promise<HttpsAnswer>;
  /** What the programs printed, where it is known. */
  logs?(): string;
}

export interface EnrolOptions {
  /** JSON with a hex mask; no PCR is demanded without. */
  tpmPolicy?: string;
  /** The agent's API version, `2.5` without. */
  supportedVersion?: string;
  /** Fields that replace those of the POST body. */
  fields?: Record<string, unknown>;
}

/** What is looked at of an agent's record at the verifier. */
export interface VerifierAgent {
  operational_state: number;
  attestation_status: string;
  attestation_count: number;
  last_received_quote: number;
  last_successful_attestation: number;
  /** Empty while nothing was refused. */
  last_event_id: string | null;
}

export interface RegistrarRecord {
  aik_tpm: string;
  ip: string;
  port: number;
  /** PEM, or `disabled`. */
  mtls_cert: string;
}

/** Adds a registered agent to the verifier, as `keylime_tenant -c add` does, with what the registrar knows about it. */
export async function enrolAtVerifier(
  keylime: KeylimeAdmin,
  agentId: string,
  options: EnrolOptions = {},
): Promise<void> {
  const record = await registrarRecord(keylime, agentId);
  const answer = await keylime.askVerifier(agentPath(agentId), {
    method: "POST",
    body: enrolmentBody(record, options),
  });
  if (answer.status === 200) return;
  throw new Problem("enrolment", `cannot enrol ${agentId}: the verifier answered ${answer.status}: ${answer.text}`, {
    culprit: "peer",
  });
}

/** Deletes an agent and waits until the verifier has forgotten it. */
export async function removeFromVerifier(keylime: KeylimeAdmin, agentId: string): Promise<void> {
  const path = agentPath(agentId);
  await keylime.askVerifier(path, { method: "DELETE" });
  await until(async () => (await keylime.askVerifier(path)).status === 404, {
    what: `the verifier to forget ${agentId}`,
    timeoutMs: 20_000,
  });
}

export async function verifierAgent(keylime: KeylimeAdmin, agentId: string): Promise<VerifierAgent> {
  return results<VerifierAgent>(await keylime.askVerifier(agentPath(agentId)));
}

/** Waits until the verifier has accepted at least that many quotes of the agent. */
export function untilAttested(
  keylime: KeylimeAdmin,
  agentId: string,
  rounds = 1,
  signal?: AbortSignal,
): Promise<VerifierAgent> {
  return until(
    async () => {
      const agent = await verifierAgent(keylime, agentId);
      if (agent.attestation_count >= rounds) return agent;
      throw new Error(`still at ${JSON.stringify(agent)}`);
    },
    {
      what: `${rounds} accepted quotes of ${agentId}`,
      timeoutMs: 30_000,
      intervalMs: 200,
      evidence: () => keylime.logs?.() ?? "",
      signal,
    },
  );
}

/** The record of a registered and activated agent; rejects with the registrar's words otherwise. */
export async function registrarRecord(keylime: KeylimeAdmin, agentId: string): Promise<RegistrarRecord> {
  return results<RegistrarRecord>(await keylime.askRegistrar(agentPath(agentId)));
}

/** Every 2.x minor has the same handlers in 7.14.3. */
const agentPath = (agentId: string): string => `/v2.5/agents/${agentId}`;

function enrolmentBody(record: RegistrarRecord, options: EnrolOptions): Record<string, unknown> {
  const { tpmPolicy = '{"mask": "0x400"}', supportedVersion = "2.5", fields } = options;
  return {
    cloudagent_ip: record.ip,
    cloudagent_port: record.port,
    supported_version: supportedVersion,
    ak_tpm: record.aik_tpm,
    mtls_cert: record.mtls_cert,
    v: null,
    tpm_policy: tpmPolicy,
    metadata: "{}",
    runtime_policy: "",
    runtime_policy_key: "",
    ima_sign_verification_keys: "",
    mb_policy: null,
    mb_policy_name: null,
    revocation_key: "",
    accept_tpm_hash_algs: ["sha512", "sha384", "sha256"],
    accept_tpm_encryption_algs: ["ecc", "rsa"],
    accept_tpm_signing_algs: ["ecdsa", "ecschnorr", "rsassa"],
    ...fields,
  };
}

function results<T>({ status, text, json }: { status: number; text: string; json: unknown }): T {
  if (status === 200) return (json as { results: T }).results;
  throw new Problem("keylime-answer", `Keylime answered ${status}: ${text}`, { culprit: "peer" });
}
