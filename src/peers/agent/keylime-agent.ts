import { setTimeout as pause } from "node:timers/promises";
import { type Logger, silentLogger } from "../../core/logger.js";
import { Problem } from "../../core/problem.js";
import type { HashName } from "../../formats/tpm/algorithms.js";
import type { TlsListenerOptions } from "../http/listener.js";
import type { SoftwareTpm } from "../tpm/software-tpm.js";
import { type AgentContext, answerAgentRequest, type RevocationMessage } from "./agent-api.js";
import { startAgentServer } from "./agent-server.js";
import { PayloadKeys } from "./payload-keys.js";
import { registerAgent } from "./registration.js";

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
  /** Whether `/version` lists them all; when not given, agents whose newest is 2.2 (before 0.2.9) name only that. */
  listsVersions?: boolean;
  /** Bank that is quoted; the attestation key's hash when not given. */
  hashAlg?: HashName;
  /** Where the payload's transport key is kept over restarts; a new one at each start when not given. */
  payloadKeyFile?: string;
  /** The IMA measurement list as text; an absent one is served as an empty one. */
  imaLog?: string | (() => string);
  logger?: Logger;
  /** Told of every TLS handshake, the refused ones too. */
  onHandshake?: TlsListenerOptions["onHandshake"];
  delays?: AgentDelays;
}

export interface AgentDelays {
  /** First pause of the back-off while the registrar does not answer (500); doubles up to 10 times as much. */
  registerRetryMs?: number;
  /** Gives up registering after this long (60 000). */
  registerTimeoutMs?: number;
  /** Added to each quote, as a slow TPM would. */
  quoteMs?: number;
}

export interface KeylimeAgent {
  readonly address: { host: string; port: number };
  readonly agentId: string;
  readonly tpm: SoftwareTpm;
  /** The revocation messages received, oldest first, the last 100. */
  readonly revocations: readonly RevocationMessage[];
  /** How many requests were answered, by path without version (`/quotes/identity`); unknown paths count as `other`. */
  readonly served: ReadonlyMap<string, number>;
  /** Registers and activates; waits for a registrar that is still starting. Throws as `registerAgent` does. */
  register(): Promise<void>;
  /**
   * Serves another certificate from the next connection on; registering it is the caller's next step. Throws a
   * `Problem` (`agent-tls`) for an agent that serves plain HTTP or a PEM text without certificate.
   */
  rotateTls(tls: AgentTls): void;
  stop(): Promise<void>;
}

const defaultVersions = ["2.1", "2.2", "2.3", "2.4", "2.5"];
const keptRevocations = 100;

/**
 * Starts a Keylime agent in pull mode (the Rust agent's behaviour, 0.2.9) on a software TPM: for laboratories and tests.
 * It serves at once and registers when told to.
 */
export async function startKeylimeAgent(options: KeylimeAgentOptions): Promise<KeylimeAgent> {
  const { tpm, agentId, logger = silentLogger, delays = {}, apiVersions = defaultVersions } = options;
  const revocations: RevocationMessage[] = [];
  const served = new Map<string, number>();
  const context = await contextOf(options, apiVersions, (message) => {
    revocations.push(message);
    if (revocations.length > keptRevocations) revocations.shift();
  });
  let tls = options.tls === undefined ? undefined : leafOnly(options.tls);
  const server = await startAgentServer(
    options.listen,
    tls,
    (request) => {
      count(served, request.path);
      return answerAgentRequest(context, request);
    },
    { logger, onHandshake: options.onHandshake },
  );
  const stopping = new AbortController();
  return {
    address: server.address,
    agentId,
    tpm,
    revocations,
    served,
    register: () =>
      registerAgent({
        tpm,
        agentId,
        registrar: options.registrar,
        contact: { ...server.address, ...options.contact },
        mtlsCert: tls?.certPem ?? "disabled",
        apiVersions,
        retryMs: delays.registerRetryMs ?? 500,
        timeoutMs: delays.registerTimeoutMs ?? 60_000,
        logger,
        signal: stopping.signal,
      }),
    rotateTls(next) {
      if (tls === undefined) throw tlsProblem("this agent serves plain HTTP");
      tls = leafOnly(next);
      server.rotateTls(tls);
    },
    async stop() {
      stopping.abort();
      await server.stop();
    },
  };
}

async function contextOf(
  options: KeylimeAgentOptions,
  apiVersions: readonly string[],
  onRevocation: AgentContext["onRevocation"],
): Promise<AgentContext> {
  const { tpm, agentId, imaLog = "", delays } = options;
  return {
    tpm,
    agentId,
    apiVersions,
    listsVersions: options.listsVersions ?? !["2.1", "2.2"].includes(apiVersions.at(-1) ?? ""),
    hashAlg: options.hashAlg ?? tpm.akHash,
    imaLog: typeof imaLog === "string" ? () => imaLog : imaLog,
    keys: await PayloadKeys.create(agentId, options.payloadKeyFile),
    quoteDelay: async () => void (delays?.quoteMs !== undefined && (await pause(delays.quoteMs))),
    onRevocation,
  };
}

const knownPaths = /^\/(version|(?:agent|quotes|keys|notifications)\/[a-z]{1,20})$/;

function count(served: Map<string, number>, path: string): void {
  const bare = path.replace(/^\/v\d+\.\d+(?=\/)/, "");
  const key = knownPaths.test(bare) ? bare : "other";
  served.set(key, (served.get(key) ?? 0) + 1);
}

function leafOnly(tls: AgentTls): AgentTls {
  const leaf = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(tls.certPem)?.[0];
  if (leaf === undefined) throw tlsProblem("its PEM text holds no certificate");
  return { ...tls, certPem: `${leaf}\n` };
}

function tlsProblem(why: string): Problem {
  return new Problem("agent-tls", `cannot use the Keylime agent's server certificate: ${why}`, { culprit: "usage" });
}
