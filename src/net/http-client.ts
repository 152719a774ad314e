import { isIPv6 } from "node:net";
import { type Clock, systemClock } from "../core/clock.js";
import { Exchange } from "./http-exchange.js";
import type { HttpAnswer, HttpRequest, HttpRequester } from "./http-message.js";
import { PeerAgent } from "./peer-agent.js";
import { PeerError } from "./peer-errors.js";
import type { PeerRole } from "./peer-role.js";
import type { IdentitySource } from "./reloading-identity.js";

export interface HttpClientOptions {
  host: string;
  port: number;
  /** How messages name the peer, and which fault ids its errors get. */
  role: PeerRole;
  /** Present: TLS with this identity. Absent: plain HTTP. */
  identity?: IdentitySource;
  /** Name the server's certificate must carry; the host by default. */
  serverName?: string;
  /** Limit for the name look-up, the connection and the handshake together. */
  connectTimeoutMs: number;
  /** Largest answer that is read; 1 MiB by default. */
  maxBodyBytes?: number;
  /** Parallel connections; 8 by default. */
  maxSockets?: number;
  userAgent: string;
  /** The system's by default. */
  clock?: Clock;
}

/** A server that closes idle connections sooner says so by closing them; this is for firewalls that forget in silence. */
const idleMs = 60_000;

/** A keep-alive client for one peer. */
export class HttpClient implements HttpRequester {
  readonly origin: string;
  private agent: { peer: PeerAgent; generation: number } | undefined;

  constructor(private readonly options: HttpClientOptions) {
    const { host, port, identity } = options;
    this.origin = `${identity === undefined ? "http" : "https"}://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  }

  async request(request: HttpRequest): Promise<HttpAnswer> {
    const { clock = systemClock } = this.options;
    const startMs = clock.nowMs();
    const agent = this.agentOfNow();
    try {
      return await this.send(request, agent);
    } catch (error) {
      const leftMs = request.timeoutMs - (clock.nowMs() - startMs);
      if (!isStale(error, request) || leftMs <= 0) throw error;
      // The peer ended the kept connection, and very likely its neighbours too.
      agent.dropIdle();
      return this.send({ ...request, timeoutMs: leftMs }, agent);
    }
  }

  close(): void {
    this.agent?.peer.destroy();
    this.agent = undefined;
  }

  private send(request: HttpRequest, agent: PeerAgent): Promise<HttpAnswer> {
    const { maxBodyBytes = 1024 * 1024, clock = systemClock } = this.options;
    return new Exchange(request, agent, { ...this.options, maxBodyBytes, clock }).run();
  }

  /** A new identity gets connections of its own; those of the old one end with their running requests. */
  private agentOfNow(): PeerAgent {
    const { host, port, serverName = host, maxSockets = 8 } = this.options;
    const identity = this.options.identity?.checkNow();
    const generation = identity?.generation ?? 0;
    if (this.agent?.generation === generation) return this.agent.peer;
    this.agent?.peer.retire();
    const peer = new PeerAgent({ host, port, serverName, identity }, { maxSockets, idleMs });
    this.agent = { peer, generation };
    return peer;
  }
}

/** A kept connection that the peer closed meanwhile: nothing was answered, and a GET may be asked twice. */
function isStale(error: unknown, { method, signal }: HttpRequest): boolean {
  if (!(error instanceof PeerError) || method !== "GET" || signal?.aborted) return false;
  const { kind, stage, reused } = error.facts;
  return reused === true && stage === "response" && (kind === "reset" || kind === "closed");
}
