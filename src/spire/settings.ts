import type { SourcePosition } from "../core/problem.js";

/** Where a setting came from: the configuration key as an operator writes it, and whether it was left at its default. */
export interface Origin {
  /** The key in `plugin_data`, as it was written; for a default, the key one would write to change it. */
  key: string;
  isDefault: boolean;
  /** Where the value stands in the configuration; absent for defaults. */
  at?: SourcePosition;
}

export interface FileSetting extends Origin {
  path: string;
}

/** The files of one mutual-TLS leg. */
export interface ClientTlsFiles {
  caFile: FileSetting;
  certFile: FileSetting;
  keyFile: FileSetting;
  keyPasswordFile?: FileSetting;
  /** The key of `plugin_data` that names the password of this very key file; absent where the plugin has none. */
  keyPasswordKey?: string;
}

export interface VerifierAddress {
  /** A name or an address; an IPv6 address stands here without brackets. */
  host: string;
  port: number;
  /** `https://host:port`, without a slash at the end. */
  url: string;
}

export const apiVersions = ["2.2", "2.3", "2.4", "2.5", "2.6"] as const;
export type ApiVersion = (typeof apiVersions)[number];

export const hashAlgs = ["sha256", "sha384", "sha512"] as const;
export type HashAlg = (typeof hashAlgs)[number];

export const signAlgs = ["rsassa", "ecdsa"] as const;
export type SignAlg = (typeof signAlgs)[number];

export const selectorNames = [
  "uuid",
  "verifier_id",
  "hash_alg",
  "enc_alg",
  "sign_alg",
  "runtime_policy",
  "mb_policy",
  "attestation_mode",
  "agent_mtls",
  "ek_cert",
  "meta",
] as const;
export type SelectorName = (typeof selectorNames)[number];

/** The server half's `plugin_data` as understood, every default filled in. */
export interface ServerSettings {
  /** In the order to try them; at least one. */
  verifiers: readonly [VerifierAddress, ...VerifierAddress[]];
  /** The name the verifiers' certificates must carry; undefined means the host of the address that is used. */
  verifierServerName?: string;
  /** What the verifier is judged by and what is presented to it. */
  tls: ClientTlsFiles;
  registrar: {
    host: string;
    port: number;
    /** `https://host:port`, without a slash at the end. */
    url: string;
    /** Undefined means the host. */
    serverName?: string;
    /** The registrar's own files where configured, the verifier's otherwise (their `key` then names the verifier's key). */
    tls: ClientTlsFiles;
  };
  apiVersion: "auto" | ApiVersion;
  requestTimeoutMs: number;
  attestationTimeoutMs: number;
  /** Auto follows the verifier's maximum_attestation_interval, at least a minute. */
  maxAttestationAgeMs: "auto" | number;
  requireRuntimePolicy: boolean;
  requireMeasuredBoot: boolean;
  requireAgentMtls: boolean;
  allowedHashAlgs: readonly HashAlg[];
  allowedSignAlgs: readonly SignAlg[];
  /** A template that `agentId` of spiffe-id.ts takes. */
  agentPathTemplate: string;
  selectors: readonly SelectorName[];
  /** For every key of the schema, main names only. */
  origins: Readonly<Record<string, Origin>>;
}

/** The agent half's `plugin_data` as understood, every default filled in. */
export interface AgentSettings {
  host: string;
  port: number;
  useTls: "auto" | boolean;
  /** Undefined means the host. */
  serverName?: string;
  /** No file has a default; certificate and key come together or not at all. */
  tls: {
    caFile?: FileSetting;
    certFile?: FileSetting;
    keyFile?: FileSetting;
  };
  /** For every key of the schema. */
  origins: Readonly<Record<string, Origin>>;
}
