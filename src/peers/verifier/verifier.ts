import { type Clock, systemClock } from "../../core/clock.js";
import type { Logger } from "../../core/logger.js";
import { type Answer, emptyAnswer, envelope, success } from "../http/answer.js";
import { isAtLeast, type VersionSet, versionResults, versionSet } from "../http/api-versions.js";
import type { ListenAddress, ServerTls, TlsListenerOptions } from "../http/listener.js";
import { serveTls } from "../http/peer-server.js";
import { type Route, versioned } from "../http/route.js";
import { agentCaller, type ClientTls } from "./agent-call.js";
import type { AgentEntry } from "./agent-entry.js";
import { AgentsApi } from "./agents-api.js";
import { Policies } from "./policies.js";
import { allowlistRoutes, mbPolicyRoutes } from "./policies-api.js";

export interface VerifierOptions extends ListenAddress {
  tls: ServerTls;
  /** What agents are shown. */
  clientTls: ClientTls;
  /** Between two quotes of a good agent; 2000 when not given. */
  quoteIntervalMs?: number;
  /** First pause of the back-off; grows as a power of its seconds when above 1000. 2000 when not given. */
  retryIntervalMs?: number;
  /** 5 when not given. */
  maxRetries?: number;
  exponentialBackoff?: boolean;
  /** For one call to an agent; 60000 when not given. */
  requestTimeoutMs?: number;
  /** What /version lists and is served; everything of Keylime 7.14.3 when not given. The newest 2.x sets the behaviour. */
  apiVersions?: readonly string[];
  /** On when not given: agents without a certificate are not taken. */
  enableAgentMtls?: boolean;
  /** `push`: agents are entries without address that nobody polls. */
  mode?: "pull" | "push";
  /** `default` when not given. */
  verifierId?: string;
  logger: Logger;
  /** Of the times in entries and of the Date header. */
  clock?: Clock;
  /** Told of every TLS handshake, the refused ones too. */
  onHandshake?: TlsListenerOptions["onHandshake"];
}

export interface EmbeddedVerifier {
  readonly address: ListenAddress;
  /** A copy of an agent's entry. */
  agent(agentId: string): AgentEntry | undefined;
  agents(): AgentEntry[];
  /** Plants facts in an entry, for scenes that no live agent can play. */
  changeAgent(agentId: string, changes: Partial<AgentEntry>): void;
  /** As a new start over the same database, without closing the port. */
  restart(): void;
  rotateTls(tls: ServerTls): void;
  rotateClientTls(clientTls: ClientTls): void;
  stop(): Promise<void>;
}

/**
 * Starts a verifier for laboratories and tests that answers as Keylime 7.14.3 does and really checks quotes. Entries
 * live in memory. IMA lists with entries, boot logs, evidence, sessions and notifications are not served: an agent whose
 * verdict would need them fails.
 */
export async function startVerifier(options: VerifierOptions): Promise<EmbeddedVerifier> {
  const { logger, clock = systemClock, tls } = options;
  const versions = versionSet(options.apiVersions);
  const state = { clientTls: options.clientTls };
  const policies = new Policies();
  const boundAddress = { host: options.host, port: options.port };
  const api = new AgentsApi({
    enrolment: {
      mode: options.mode ?? "pull",
      version: versions.current,
      versions: versions.all,
      enableAgentMtls: options.enableAgentMtls ?? true,
      verifierId: options.verifierId ?? "default",
      address: boundAddress,
    },
    settings: {
      quoteIntervalMs: options.quoteIntervalMs ?? 2000,
      retryIntervalMs: options.retryIntervalMs ?? 2000,
      maxRetries: options.maxRetries ?? 5,
      exponentialBackoff: options.exponentialBackoff ?? true,
      versions: versions.all,
    },
    policies,
    caller: agentCaller({
      enableAgentMtls: options.enableAgentMtls ?? true,
      clientTls: () => state.clientTls,
      timeoutMs: options.requestTimeoutMs ?? 60_000,
    }),
    clock,
    logger,
  });
  const handshakes = options.onHandshake === undefined ? {} : { onHandshake: options.onHandshake };
  const routes = verifierRoutes(versions, options.mode ?? "pull", api, policies);
  const server = await serveTls(options, tls, {
    routes,
    unknownPath: unknownPath(versions),
    logger,
    clock,
    ...handshakes,
  });
  boundAddress.port = server.address.port;
  logger.log("info", "Embedded Keylime verifier started: for laboratories and tests only", {
    address: `${server.address.host}:${server.address.port}`,
  });
  return {
    address: server.address,
    agent: (agentId) => api.agent(agentId),
    agents: () => api.agents(),
    changeAgent: (agentId, changes) => api.change(agentId, changes),
    restart: () => api.restart(),
    rotateTls: (next) => server.rotateTls(next),
    rotateClientTls: (next) => {
      state.clientTls = next;
    },
    async stop() {
      api.cancelAll();
      await server.stop();
    },
  };
}

function verifierRoutes(versions: VersionSet, mode: "pull" | "push", api: AgentsApi, policies: Policies): Route[] {
  const { current, all, served } = versions;
  const open = { method: "GET", access: "public" } as const;
  const showVersions = (): Answer => (mode === "push" ? emptyAnswer(410) : success(versionResults(versions)));
  const unversioned: Route[] = [
    { ...open, pattern: "/", action: "read_server_info", handle: () => emptyAnswer(307, { Location: "/v3.0/" }) },
    { ...open, pattern: "/version", action: "read_version", handle: showVersions },
    { ...open, pattern: "/versions", action: "read_version", handle: showVersions },
  ];
  const broken = { ...open, pattern: "/", action: "read_server_info", handle: () => emptyAnswer(500) };
  const userOf = api.userOf.bind(api);
  const v2 = [
    broken,
    ...api.routes(),
    ...allowlistRoutes(policies, userOf),
    ...(isAtLeast(current, "2.2") ? api.identityRoutes() : []),
    ...(isAtLeast(current, "2.3") ? mbPolicyRoutes(policies, userOf) : []),
  ];
  // 7.14.3 knows the agents' routes of 3.0 and fails at each of them, once the caller may use it.
  const v3 = api
    .routes()
    .filter(({ method }) => method === "GET" || method === "DELETE")
    .map((route) => ({ ...route, handle: () => emptyAnswer(500) }));
  return [
    ...unversioned,
    ...versioned(served, v2),
    ...(all.includes("3.0") ? versioned(["3", "3.0"], [broken, ...v3]) : []),
  ];
}

/** Up to 7.13 (2.4) an unknown version is told in JSON; since then it is a path like any other unknown one. */
function unknownPath({ current, served }: VersionSet): (path: string) => Answer {
  return (path) => {
    const version = /^\/v?(\d+(?:\.\d+)?)(?:\/|$)/.exec(path)?.[1];
    const isUnknown = version !== undefined && !served.includes(version);
    return !isAtLeast(current, "2.5") && isUnknown ? envelope(400, "API Version not supported") : emptyAnswer(404);
  };
}
