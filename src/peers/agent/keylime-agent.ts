import type { Logger } from "../../core/logger.js";
import type { HashName } from "../../formats/tpm/algorithms.js";
import type { SoftwareTpm } from "../tpm/software-tpm.js";

export interface AgentTls {
  /** Only the first certificate is served and registered, as the Rust agent does. */
  certPem: string;
  keyPem: string;
  /** Who may ask for quotes. */
  trustedClientCaPem: string;
}

export interface KeylimeAgentOptions {
  tpm: SoftwareTpm;
  agentId: string;
  /** Port 0 lets the system choose. */
  listen: { host: string; port: number };
  /** What is registered as contact address; the listening address when not given. */
  contact?: { host: string; port?: number };
  /** The registrar's plain HTTP port (8890). */
  registrar: { host: string; port: number };
  /** Mutual TLS; without it plain HTTP is served and `disabled` registered. */
  tls?: AgentTls;
  /** Oldest first; 2.1 to 2.5 (Rust agent 0.2.9) when not given. */
  apiVersions?: readonly string[];
  /** Whether `/version` lists them all; agents before 0.2.9 (newest 2.2) name the newest only. */
  listsVersions?: boolean;
  /** Bank that is quoted; the attestation key's hash when not given. */
  hashAlg?: HashName;
  /** The IMA measurement list as text; an absent one is served as an empty one. */
  imaLog?: string | (() => string);
  logger?: Logger;
  delays?: AgentDelays;
}

export interface AgentDelays {
  /** First pause of the back-off while the registrar does not answer; doubles up to 10 times as much. */
  registerRetryMs?: number;
  /** Gives up registering after this long. */
  registerTimeoutMs?: number;
  /** Added to each quote, as a slow TPM would. */
  quoteMs?: number;
}

export interface KeylimeAgent {
  readonly address: { host: string; port: number };
  readonly agentId: string;
  readonly tpm: SoftwareTpm;
  /** The revocation messages received, oldest first, the last 100. */
  readonly revocations: readonly { msg: string; signature: string }[];
  /** How many requests of each path were answered. */
  readonly served: ReadonlyMap<string, number>;
  /** Registers and activates; waits for a registrar that is still starting. */
  register(): Promise<void>;
  /** Serves another certificate from the next connection on; registering it is the caller's next step. */
  rotateTls(tls: AgentTls): void;
  stop(): Promise<void>;
}

/** Starts a Keylime agent in pull mode (the Rust agent's behaviour, 0.2.9) on a software TPM. It does not register by itself. */
export declare function startKeylimeAgent(options: KeylimeAgentOptions): Promise<KeylimeAgent>;
