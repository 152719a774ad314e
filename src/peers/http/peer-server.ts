import type { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type Clock, systemClock } from "../../core/clock.js";
import type { Logger } from "../../core/logger.js";
import { errorText } from "../../core/problem.js";
import { type Answer, emptyAnswer, refusal } from "./answer.js";
import {
  boundAddress,
  type ListenAddress,
  listenTls,
  type ServerTls,
  type TlsListenerOptions,
  trackSockets,
} from "./listener.js";
import { type Access, matchRoute, type PeerRequest, type Route } from "./route.js";

export interface PeerServices {
  routes: readonly Route[];
  /** The answer for a path that no route has. */
  unknownPath(path: string): Answer;
  logger: Logger;
  /** Of the Date header. */
  clock?: Clock;
  onHandshake?: TlsListenerOptions["onHandshake"];
}

export interface RunningPeer {
  readonly address: ListenAddress;
  stop(): Promise<void>;
}

export interface RunningTlsPeer extends RunningPeer {
  rotateTls(tls: ServerTls): void;
}

const idleTimeoutMs = 60_000;
const bodyTimeoutMs = 60_000;
const bodyLimitBytes = 16 * 1024 * 1024;
const headerLimitBytes = 64 * 1024;
/** What Keylime's web server knows; everything else is 501 there. */
const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Serves the routes that plain HTTP may have; the others answer 400, as Keylime's registrar does on its HTTP port. */
export async function servePlain({ host, port }: ListenAddress, services: PeerServices): Promise<RunningPeer> {
  const server = httpServer(services, () => ({ secure: false, certificate: undefined }));
  const sockets = trackSockets(server);
  server.listen(port, host);
  await once(server, "listening");
  return {
    address: boundAddress(server),
    async stop() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Serves all routes over TLS, with an optional client certificate. */
export async function serveTls(
  address: ListenAddress,
  tls: ServerTls,
  services: PeerServices,
): Promise<RunningTlsPeer> {
  const certificates = new WeakMap<Duplex, X509Certificate>();
  const server = httpServer(services, (stream) => ({ secure: true, certificate: certificates.get(stream) }));
  const { onHandshake } = services;
  const onStream = (stream: Duplex, certificate: X509Certificate | undefined) => {
    if (certificate !== undefined) certificates.set(stream, certificate);
    server.emit("connection", stream);
  };
  return listenTls(address, tls, onStream, onHandshake === undefined ? {} : { onHandshake });
}

interface Caller {
  secure: boolean;
  certificate: X509Certificate | undefined;
}

function httpServer(services: PeerServices, callerOf: (stream: Duplex) => Caller): Server {
  const options = { maxHeaderSize: headerLimitBytes, requestTimeout: idleTimeoutMs, keepAliveTimeout: idleTimeoutMs };
  const idle = new IdleTimers();
  const server = createServer(options, (request, response) => {
    // Taken now: Node parts request and socket when the answer is out.
    const stream = request.socket;
    idle.pause(stream);
    response.once("finish", () => idle.start(stream));
    respond(services, callerOf(stream), request, response).catch((error: unknown) => {
      services.logger.log("warn", "Request ended without an answer", {
        path: pathOf(request),
        error: errorText(error),
      });
      stream.destroy();
    });
  });
  server.on("connection", (stream: Duplex) => {
    idle.start(stream);
    stream.once("close", () => idle.pause(stream));
  });
  server.on("clientError", (_error, stream) => stream.destroy());
  return server;
}

/** Node checks its own time-outs only for servers that listen themselves, and these are fed with streams. */
class IdleTimers {
  private readonly timers = new WeakMap<Duplex, NodeJS.Timeout>();

  start(stream: Duplex): void {
    this.pause(stream);
    if (stream.destroyed) return;
    this.timers.set(stream, setTimeout(() => stream.destroy(), idleTimeoutMs).unref());
  }

  pause(stream: Duplex): void {
    clearTimeout(this.timers.get(stream));
  }
}

async function respond(
  services: PeerServices,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = await answerFor(services, caller, request);
  services.logger.log("debug", "Answered", {
    method: request.method,
    path: pathOf(request),
    status: answer.status,
    client: caller.certificate === undefined ? "anonymous" : commonName(caller.certificate),
  });
  response.setHeader("Date", new Date((services.clock ?? systemClock).nowMs()).toUTCString());
  // Keylime sends the header even when it is empty.
  response.setHeader("X-Request-ID", requestId(request.headers["x-request-id"]));
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  const body = answer.json === undefined ? "" : JSON.stringify(answer.json);
  const fallbackType = answer.json === undefined ? "text/html; charset=UTF-8" : "application/json";
  response.setHeader("Content-Type", answer.contentType ?? fallbackType);
  response.statusCode = answer.status;
  if (answer.status !== 204) response.setHeader("Content-Length", Buffer.byteLength(body));
  response.end(answer.status === 204 ? undefined : body);
}

/** The order of Keylime 7.14's `ActionHandler`: route, plain HTTP, Authorization header, access, parameters, action. */
async function answerFor(services: PeerServices, caller: Caller, request: IncomingMessage): Promise<Answer> {
  const body = await readBody(request);
  if (body === undefined) return emptyAnswer(400);
  const method = request.method ?? "GET";
  if (!knownMethods.has(method)) return emptyAnswer(501);
  const path = pathOf(request);
  const match = matchRoute(services.routes, method, path);
  if (match.kind === "none") return services.unknownPath(path);
  if (match.kind === "other-method") return emptyAnswer(405);
  const { route, params } = match;
  if (!caller.secure && !route.insecure) return emptyAnswer(400);
  const refused = refuseCaller(route, caller, request.headers.authorization);
  if (refused !== undefined) return refused;
  const json = parseJsonBody(request.headers["content-type"], body);
  if (json === undefined) return emptyAnswer(400);
  const query = new URLSearchParams((request.url ?? "").split("?").slice(1).join("?"));
  try {
    return await route.handle({ method, path, params, query, body, json } satisfies PeerRequest);
  } catch (error) {
    services.logger.log("error", "Handler failed", { method, path, error: errorText(error) });
    return emptyAnswer(500);
  }
}

function refuseCaller(route: Route, caller: Caller, authorization: string | undefined): Answer | undefined {
  if (authorization !== undefined && authorization !== "") {
    const isBearer = authorization.startsWith("Bearer ");
    return refusal(401, isBearer ? "Invalid authentication token" : "Invalid Authorization header format");
  }
  if (route.access === "public") return undefined;
  if (caller.certificate !== undefined && commonName(caller.certificate) !== undefined) return undefined;
  return refusal(403, `Action ${route.action} requires ${neededText[route.access]}`);
}

const neededText: Record<Exclude<Access, "public">, string> = {
  "agent-or-admin": "authentication",
  admin: "admin authentication (mTLS certificate)",
};

function commonName(certificate: X509Certificate): string | undefined {
  return /^CN=(.*)$/m.exec(certificate.subject ?? "")?.[1];
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "/").split("?")[0]!;
}

function requestId(header: string | string[] | undefined): string {
  return String(header ?? "")
    .replaceAll(/\W+/g, "")
    .slice(0, 36);
}

/** undefined when the content type says JSON and the body is none; `{}` when there is nothing to read parameters from. */
function parseJsonBody(contentType: string | undefined, body: Buffer): Record<string, unknown> | undefined {
  if (contentType === undefined || !/^application\/(?:[a-z\-.]+\+)?json/.test(contentType)) return {};
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return undefined;
  }
}

/** undefined when the body is too long. Rejects when it does not arrive in time. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const timer = setTimeout(() => request.destroy(new Error("the body did not arrive in time")), bodyTimeoutMs);
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > bodyLimitBytes) return undefined;
      pieces.push(piece);
    }
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(pieces);
}
