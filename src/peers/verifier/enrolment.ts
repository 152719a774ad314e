import { type Answer, envelope } from "../http/answer.js";
import { isAtLeast } from "../http/api-versions.js";
import { type AgentEntry, newAgentEntry } from "./agent-entry.js";
import { emptyRuntimePolicy, type Policies, PolicyRefused, parseRuntimePolicy } from "./policies.js";
import { states } from "./states.js";

export interface EnrolmentContext {
  mode: "pull" | "push";
  /** The newest version served: older servers demand more keys. */
  version: string;
  versions: readonly string[];
  enableAgentMtls: boolean;
  verifierId: string;
  address: { host: string; port: number };
  policies: Policies;
  exists(agentId: string): boolean;
}

export type Enrolment = { agent: AgentEntry } | { refusal: Answer };

/** Required, in the order in which their absence is told; keys and notifications are not used here. */
const requiredKeys = [
  "tpm_policy",
  "metadata",
  "ima_sign_verification_keys",
  "revocation_key",
  "accept_tpm_hash_algs",
  "accept_tpm_encryption_algs",
  "accept_tpm_signing_algs",
  "ak_tpm",
];

type Body = Readonly<Record<string, unknown>>;

/** POST /agents/{id} up to the database (`AgentsHandler.post`, 7.14.3); stores the policies that came with it. */
export function enrol(agentId: string, bodyText: string, context: EnrolmentContext): Enrolment {
  if (bodyText === "") return refuse(400, "Expected non zero content length");
  try {
    const body = JSON.parse(bodyText) as Body;
    const agent = readAgent(agentId, body, context);
    return (
      refuseMissingMtls(agent, context) ??
      storeRuntimePolicy(agent, body, context) ??
      storeMbPolicy(agent, body, context) ?? { agent }
    );
  } catch (error) {
    if (error instanceof PolicyRefused) return refuse(400, error.message);
    return refuse(400, `Exception error: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function refuse(status: number, text: string): { refusal: Answer } {
  return { refusal: envelope(status, text) };
}

function readAgent(agentId: string, body: Body, context: EnrolmentContext): AgentEntry {
  const { mode, version, versions, address } = context;
  const push = mode === "push";
  if (!isAtLeast(version, "2.5")) for (const key of ["cloudagent_ip", "cloudagent_port"]) required(body, key);
  for (const key of requiredKeys) required(body, key);
  const port = push ? null : readPort(body.cloudagent_port);
  const supported = isAtLeast(version, "2.5") ? body.supported_version : required(body, "supported_version");
  return newAgentEntry({
    agentId,
    operationalState: push ? states.getQuote : states.start,
    ip: push ? null : optionalText(body.cloudagent_ip),
    port,
    v: optionalText(isAtLeast(version, "2.3") ? body.v : required(body, "v")),
    tpmPolicy: requiredText(body, "tpm_policy"),
    metaData: requiredText(body, "metadata"),
    acceptedHashAlgs: requiredList(body, "accept_tpm_hash_algs"),
    acceptedEncryptionAlgs: requiredList(body, "accept_tpm_encryption_algs"),
    acceptedSigningAlgs: requiredList(body, "accept_tpm_signing_algs"),
    supportedVersion: typeof supported === "string" && versions.includes(supported) ? supported : version,
    akTpm: requiredText(body, "ak_tpm"),
    mtlsCert: optionalText(body.mtls_cert),
    verifierId: context.verifierId,
    verifierIp: optionalText(body.verifier_ip) ?? address.host,
    verifierPort: (body.verifier_port as number | string | undefined) ?? address.port,
  });
}

function refuseMissingMtls(
  { mtlsCert }: AgentEntry,
  { enableAgentMtls, mode }: EnrolmentContext,
): Enrolment | undefined {
  if (!enableAgentMtls || mode === "push" || (mtlsCert !== null && mtlsCert !== "disabled")) return undefined;
  return refuse(400, "mTLS certificate for agent is required!");
}

function storeRuntimePolicy(agent: AgentEntry, body: Body, context: EnrolmentContext): Enrolment | undefined {
  const { agentId } = agent;
  const stored = context.policies.runtime;
  const name = optionalText(body.runtime_policy_name);
  const text = decodePolicy(body.runtime_policy);
  if (name && text !== "" && stored.has(name)) {
    const advice = "Please use a different name or delete the allowlist from the verifier.";
    return refuse(409, `IMA policy with name ${name} already exists. ${advice}`);
  }
  if (name && text === "" && !stored.has(name)) return refuse(404, `Could not find IMA policy with name ${name}!`);
  if (context.exists(agentId)) {
    return refuse(409, `Agent of uuid ${agentId} already exists. Please use delete or update.`);
  }
  agent.runtimePolicyName = name || agentId;
  if (!name || text !== "") stored.set(agent.runtimePolicyName, parseRuntimePolicy(text || emptyRuntimePolicy));
  return undefined;
}

function storeMbPolicy(agent: AgentEntry, body: Body, { policies, version }: EnrolmentContext): Enrolment | undefined {
  const stored = policies.measuredBoot;
  const byName = isAtLeast(version, "2.3");
  const name = byName ? optionalText(required(body, "mb_policy_name")) : null;
  const policy = optionalText(required(body, byName ? "mb_policy" : "mb_refstate"));
  if (policy && stored.has(name || agent.agentId)) {
    const advice = name ? "Please use a different name or delete" : "You can delete";
    const text = `mb_policy with name ${name || agent.agentId} already exists. ${advice} the mb_policy from the verifier.`;
    return refuse(409, text);
  }
  if (name && !policy && !stored.has(name)) return refuse(404, `Could not find mb_policy with name ${name}!`);
  agent.mbPolicyName = name || agent.agentId;
  if (!stored.has(agent.mbPolicyName)) stored.set(agent.mbPolicyName, policy);
  return undefined;
}

/** As Python's KeyError reads. */
function required(body: Body, key: string): unknown {
  if (!Object.hasOwn(body, key)) throw new Error(`'${key}'`);
  return body[key];
}

function requiredText(body: Body, key: string): string {
  const value = required(body, key);
  if (typeof value !== "string") throw new Error(`Error binding parameter: ${key} is no text`);
  return value;
}

function requiredList(body: Body, key: string): string[] {
  const value = required(body, key);
  if (!Array.isArray(value)) throw new Error(`Error binding parameter: ${key} is no list`);
  return value.map(String);
}

function optionalText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return value;
  throw new Error("Error binding parameter: a text was expected");
}

function readPort(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "number") return Math.trunc(value);
  if (typeof value === "string" && /^\s*[+-]?\d+\s*$/.test(value)) return Number(value);
  throw new Error(`invalid literal for int() with base 10: '${value}'`);
}

function decodePolicy(value: unknown): string {
  if (typeof value === "string") return Buffer.from(value, "base64").toString("utf8");
  const kind = value === undefined || value === null ? "NoneType" : typeof value;
  throw new Error(`argument should be a bytes-like object or ASCII string, not '${kind}'`);
}
