import type { Clock } from "../core/clock.js";
import { Problem } from "../core/problem.js";
import type { HandshakeStory } from "../peers/tls-server/story.js";
import type { TlsConnection } from "../peers/tls-server/tls-connection.js";
import { createTlsServer, type TlsServer, takesAnybody } from "../peers/tls-server/tls-server.js";
import { type Exchange, passOn } from "./pass-on.js";
import type { Upstream } from "./upstream.js";

export interface InterceptorOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** What clients are shown. */
  certPem: string;
  keyPem: string;
  /** DER names of CAs to ask for; empty asks for any. */
  requestedAuthorities: readonly Buffer[];
  /** Where requests go; without it each is answered with 503. */
  upstream: Upstream | undefined;
  handshakeTimeoutMs: number;
  /** A connection that brings nothing for so long is ended. */
  idleTimeoutMs: number;
  maxConnections: number;
  keyLog: ((line: string) => void) | undefined;
  clock: Clock;
  /** Told once per connection: when its handshake failed, or its first request was answered. */
  onConnection: (seen: SeenConnection) => void;
}

export interface SeenConnection {
  story: HandshakeStory;
  atMs: number;
  exchange: Exchange | undefined;
}

export interface Interceptor {
  readonly address: { host: string; port: number };
  stop(): Promise<void>;
}

/** Listens where a verifier is expected, asks every client for its certificate and takes whatever comes. */
export async function startInterceptor(options: InterceptorOptions): Promise<Interceptor> {
  const { certPem, keyPem, requestedAuthorities, handshakeTimeoutMs, keyLog, clock } = options;
  const server = createTlsServer(
    {
      certPem,
      keyPem,
      ...takesAnybody,
      requestedAuthorities,
      handshakeTimeoutMs,
      clock,
      ...(keyLog === undefined ? {} : { keyLog }),
      onHandshake: (story) => {
        if (story.outcome !== "completed") options.onConnection({ story, atMs: clock.nowMs(), exchange: undefined });
      },
    },
    (connection) => void serve(connection, options),
  );
  server.maxConnections = options.maxConnections;
  await listen(server, options);
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  return { address: { host: options.host, port }, stop: () => stop(server) };
}

async function serve(connection: TlsConnection, options: InterceptorOptions): Promise<void> {
  const { upstream, idleTimeoutMs, clock, onConnection } = options;
  const exchange = await passOn(connection, { upstream, idleTimeoutMs });
  onConnection({ story: connection.story, atMs: clock.nowMs(), exchange });
}

function listen(server: TlsServer, { host, port }: InterceptorOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = listenWords[error.code ?? ""] ?? error.message;
      const hint =
        error.code === "EADDRINUSE" ? "stop what listens there, or choose another port" : "choose another address";
      const message = `cannot listen on ${host}:${port}: ${why}`;
      reject(new Problem("intercept-listen", message, { culprit: "configuration", cause: error, hint }));
    });
    server.listen({ host, port }, resolve);
  });
}

const listenWords: Record<string, string> = {
  EADDRINUSE: "the port is taken",
  EACCES: "this user may not listen on the port",
  EADDRNOTAVAIL: "this host does not have the address",
};

function stop(server: TlsServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.destroyConnections();
  });
}
