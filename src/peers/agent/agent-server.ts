import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "../../core/logger.js";
import { errorText } from "../../core/problem.js";
import {
  boundAddress,
  type ListenAddress,
  listenTls,
  type ServerTls,
  type TlsListenerOptions,
  trackSockets,
} from "../http/listener.js";
import type { AgentAnswer, AgentRequest } from "./agent-api.js";

type OnHandshake = NonNullable<TlsListenerOptions["onHandshake"]>;
type AnswerRequest = (request: AgentRequest) => Promise<AgentAnswer>;

export interface AgentServer {
  readonly address: ListenAddress;
  rotateTls(tls: ServerTls): void;
  stop(): Promise<void>;
}

const bodyLimitBytes = 1024 * 1024;
const idleTimeoutMs = 60_000;

/**
 * Serves the agent's API: with TLS to clients that present a certificate below the trusted CA and to nobody else,
 * without it in plain HTTP to everybody.
 */
export async function startAgentServer(
  listen: ListenAddress,
  tls: ServerTls | undefined,
  answer: AnswerRequest,
  { logger, onHandshake }: { logger: Logger; onHandshake?: OnHandshake | undefined },
): Promise<AgentServer> {
  const server = httpServer(answer, logger);
  return tls === undefined ? listenPlain(server, listen) : listenMutual(server, listen, tls, onHandshake);
}

async function listenPlain(server: Server, { host, port }: ListenAddress): Promise<AgentServer> {
  const sockets = trackSockets(server);
  server.listen(port, host);
  await once(server, "listening");
  return {
    address: boundAddress(server),
    rotateTls: () => {},
    async stop() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function listenMutual(
  server: Server,
  listen: ListenAddress,
  tls: ServerTls,
  onHandshake: OnHandshake | undefined,
): Promise<AgentServer> {
  const onStream = (stream: Duplex) => void server.emit("connection", stream);
  return listenTls(listen, tls, onStream, { clientCertificates: "required", ...(onHandshake && { onHandshake }) });
}

function httpServer(answer: AnswerRequest, logger: Logger): Server {
  const server = createServer({ keepAliveTimeout: idleTimeoutMs }, (request, response) => {
    respond(answer, request, response, logger).catch((error: unknown) => {
      logger.log("warn", "Keylime agent ended a request without an answer", { error: errorText(error) });
      request.socket.destroy();
    });
  });
  server.on("connection", endWhenIdle);
  server.on("clientError", (_error, stream) => stream.destroy());
  return server;
}

/** Node's own time-outs do not reach streams that are handed to a server. */
function endWhenIdle(stream: Duplex): void {
  const timer = setTimeout(() => stream.destroy(), idleTimeoutMs).unref();
  stream.on("data", () => timer.refresh());
  stream.once("close", () => clearTimeout(timer));
}

async function respond(
  answer: AnswerRequest,
  request: IncomingMessage,
  response: ServerResponse,
  logger: Logger,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://agent.invalid");
  const body = await readBody(request);
  const { method = "GET" } = request;
  const given: AgentAnswer =
    body === undefined ? { status: 413 } : await answer({ method, path: url.pathname, query: url.searchParams, body });
  logger.log("debug", "Keylime agent answered", { method, path: url.pathname, status: given.status });
  const text = given.json === undefined ? "" : JSON.stringify(given.json);
  const type = given.json === undefined ? {} : { "Content-Type": "application/json" };
  response.writeHead(given.status, { ...type, "Content-Length": Buffer.byteLength(text), ...given.headers });
  response.end(text);
}

/** Undefined for a body that is too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bodyLimitBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
