/** An agent as the verifier describes it (GET /v2.x/agents/{id}); names are ours, `undefined` = the field is absent. */
export interface VerifierAgent {
  agentId: string;
  /** 0 to 10, see attestation-state.ts. */
  operationalState: number;
  /** Servers of API 2.5 and newer. */
  attestationStatus: string | undefined;
  attestationPeriodMs: number | undefined;
  maximumAttestationIntervalMs: number | undefined;
  /** Successful rounds; not reset by a reactivation. */
  attestationCount: number | undefined;
  /** Milliseconds since the epoch, whole seconds; 0 = never. */
  lastReceivedQuoteMs: number | undefined;
  lastSuccessfulAttestationMs: number | undefined;
  /** Of the worst failure so far; kept after a reactivation. */
  severityLevel: number | string | undefined;
  lastEventId: string | undefined;
  /** Push agents have neither address nor port. */
  mode: "pull" | "push";
  ip: string | undefined;
  port: number | undefined;
  hasRuntimePolicy: boolean | undefined;
  hasMeasuredBootPolicy: boolean | undefined;
  /** The JSON text's object; undefined when absent or no object. */
  metadata: Readonly<Record<string, unknown>> | undefined;
  tpmPolicy: Readonly<Record<string, unknown>> | undefined;
  acceptedHashAlgs: readonly string[];
  acceptedEncryptionAlgs: readonly string[];
  acceptedSigningAlgs: readonly string[];
  /** What the last quote used; undefined before the first. */
  hashAlg: string | undefined;
  encAlg: string | undefined;
  signAlg: string | undefined;
  verifierId: string | undefined;
  verifierIp: string | undefined;
  verifierPort: number | undefined;
}

/** An agent as the registrar describes it (GET /v2.x/agents/{id}). */
export interface RegistrarAgent {
  agentId: string;
  /** TPM2B_PUBLIC, size prefix included. */
  akTpm: Buffer;
  ekTpm: Buffer | undefined;
  /** DER. */
  ekCert: Buffer | undefined;
  ip: string | undefined;
  port: number | undefined;
  /** What the agent registered for its own port: a PEM certificate, `disabled` for plain HTTP, undefined = nothing. */
  mtlsCert: { pem: string } | "disabled" | undefined;
  registrationCount: number | undefined;
}

/** GET /v2.x/agent/info of a Keylime agent. */
export interface KeylimeAgentInfo {
  agentId: string;
  hashAlg: string;
  encAlg: string | undefined;
  signAlg: string | undefined;
}

/** GET /v2.x/quotes/identity of a Keylime agent. */
export interface IdentityQuote {
  /** `r<b64>:<b64>:<b64>` */
  quote: string;
  hashAlg: string | undefined;
  encAlg: string | undefined;
  signAlg: string | undefined;
}

/** The verifier's verdict on a quote. */
export interface QuoteVerdict {
  valid: boolean;
  /** The verifier's words, one per failure; empty when valid. */
  reasons: readonly string[];
}

/** What every call takes. */
export interface CallOptions {
  /** For the call with all its retries. */
  timeoutMs: number;
  signal?: AbortSignal;
  /** How often an unreachable or unavailable service is tried; 3 by default. */
  attempts?: number;
}
