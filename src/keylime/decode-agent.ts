import { Fields } from "./fields.js";
import type { IdentityQuote, KeylimeAgentInfo, RegistrarAgent, VerifierAgent } from "./types.js";

type Results = Readonly<Record<string, unknown>>;

/** `results` of GET /v2.x/agents/{id} at the verifier (cloud_verifier_common.py, 7.14). Throws what is wrong with it. */
export function decodeVerifierAgent(agentId: string, results: Results): VerifierAgent {
  const fields = new Fields(results);
  const ip = fields.filledText("ip");
  const port = fields.integer("port");
  return {
    agentId,
    operationalState: fields.requiredInteger("operational_state"),
    attestationStatus: fields.text("attestation_status"),
    attestationPeriodMs: fields.durationMs("attestation_period"),
    maximumAttestationIntervalMs: fields.durationMs("maximum_attestation_interval"),
    attestationCount: fields.integer("attestation_count"),
    lastReceivedQuoteMs: fields.secondsAsMs("last_received_quote"),
    lastSuccessfulAttestationMs: fields.secondsAsMs("last_successful_attestation"),
    severityLevel: severity(results.severity_level),
    lastEventId: fields.filledText("last_event_id"),
    mode: ip === undefined && port === undefined ? "push" : "pull",
    ip,
    port,
    hasRuntimePolicy: fields.flag("has_runtime_policy"),
    hasMeasuredBootPolicy: fields.flag("has_mb_refstate"),
    metadata: fields.embeddedObject("meta_data"),
    tpmPolicy: fields.embeddedObject("tpm_policy"),
    acceptedHashAlgs: fields.texts("accept_tpm_hash_algs"),
    acceptedEncryptionAlgs: fields.texts("accept_tpm_encryption_algs"),
    acceptedSigningAlgs: fields.texts("accept_tpm_signing_algs"),
    hashAlg: fields.filledText("hash_alg"),
    encAlg: fields.filledText("enc_alg"),
    signAlg: fields.filledText("sign_alg"),
    verifierId: fields.filledText("verifier_id"),
    verifierIp: fields.filledText("verifier_ip"),
    verifierPort: fields.integer("verifier_port"),
  };
}

function severity(value: unknown): number | string | undefined {
  return typeof value === "number" || typeof value === "string" ? value : undefined;
}

/** `results` of GET /v2.x/agents/{id} at the registrar. Throws what is wrong with it. */
export function decodeRegistrarAgent(agentId: string, results: Results): RegistrarAgent {
  const fields = new Fields(results);
  const named = fields.filledText("agent_id");
  // An attestation key of another agent would vouch for the wrong machine.
  if (named !== undefined && named !== agentId)
    throw new Error(`it is about agent ${JSON.stringify(named.slice(0, 80))}`);
  const akTpm = fields.base64("aik_tpm");
  if (akTpm === undefined) throw new Error("field aik_tpm is missing");
  return {
    agentId,
    akTpm,
    ekTpm: fields.base64("ek_tpm"),
    ekCert: fields.base64("ekcert"),
    ip: fields.filledText("ip"),
    port: fields.integer("port"),
    mtlsCert: mtlsCert(fields.filledText("mtls_cert")),
    registrationCount: fields.integer("regcount"),
  };
}

function mtlsCert(text: string | undefined): RegistrarAgent["mtlsCert"] {
  if (text === undefined || text === "disabled") return text;
  if (text.includes("-----BEGIN CERTIFICATE-----")) return { pem: text };
  throw new Error("field mtls_cert is neither a PEM certificate nor the word disabled");
}

/** `results` of GET /v2.x/agent/info. */
export function decodeAgentInfo(results: Results): KeylimeAgentInfo {
  const fields = new Fields(results);
  return {
    agentId: fields.requiredText("agent_uuid"),
    hashAlg: fields.requiredText("tpm_hash_alg"),
    encAlg: fields.filledText("tpm_enc_alg"),
    signAlg: fields.filledText("tpm_sign_alg"),
  };
}

/** `results` of GET /v2.x/quotes/identity. */
export function decodeIdentityQuote(results: Results): IdentityQuote {
  const fields = new Fields(results);
  return {
    quote: fields.requiredText("quote"),
    hashAlg: fields.filledText("hash_alg"),
    encAlg: fields.filledText("enc_alg"),
    signAlg: fields.filledText("sign_alg"),
  };
}
