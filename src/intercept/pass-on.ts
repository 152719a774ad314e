import type { Duplex } from "node:stream";
import { errorText } from "../core/problem.js";
import type { TlsConnection } from "../peers/tls-server/tls-connection.js";
import { connectUpstream, type Upstream, upstreamProblem } from "./upstream.js";

/** The first request of a connection and what it got. */
export interface Exchange {
  /** Whether the client sent anything at all. */
  hasData: boolean;
  /** `GET /v2.2/agents/…`, at most 200 characters; undefined when none came or it is not HTTP. */
  request: string | undefined;
  status: number | undefined;
  answeredBy: "upstream" | "intercept" | undefined;
  /** Why it was not passed on. */
  problem: string | undefined;
}

export interface PassOnOptions {
  upstream: Upstream | undefined;
  idleTimeoutMs: number;
}

/** Bytes of a head that are looked at for its first line. */
const mostHeadBytes = 4096;

/** Relays one connection until either side ends; resolves with the first exchange as soon as its status is known. */
export function passOn(connection: TlsConnection, { upstream, idleTimeoutMs }: PassOnOptions): Promise<Exchange> {
  const exchange: Exchange = {
    hasData: false,
    request: undefined,
    status: undefined,
    answeredBy: undefined,
    problem: undefined,
  };
  connection.once("data", () => {
    exchange.hasData = true;
  });
  connection.setTimeout(idleTimeoutMs, () => connection.destroy());
  return new Promise((resolve) => {
    const done = () => resolve(exchange);
    connection.once("close", done);
    connection.once("end", done);
    if (upstream === undefined) answerAlone(connection, exchange, done);
    else void relay(connection, upstream, { exchange, done, idleTimeoutMs });
  });
}

/** The connection ends behind the answer: there is nothing more to see of this client. */
function answerAlone(connection: TlsConnection, exchange: Exchange, done: () => void): void {
  firstLine(connection, (line) => {
    exchange.request = requestOf(line);
    answer(connection, exchange, {
      status: 503,
      reason: "Service Unavailable",
      text: "spire-keylime intercept: nothing is behind this address (--to is not set)",
    });
    done();
  });
  connection.resume();
}

interface Relaying {
  exchange: Exchange;
  done: () => void;
  idleTimeoutMs: number;
}

async function relay(connection: TlsConnection, upstream: Upstream, { exchange, done, idleTimeoutMs }: Relaying) {
  firstLine(connection, (line) => {
    exchange.request = requestOf(line);
  });
  // Reading starts once there is somewhere to write to.
  connection.pause();
  try {
    const socket = await connectUpstream(upstream);
    socket.setTimeout(idleTimeoutMs, () => socket.destroy());
    socket.on("error", (error) => {
      exchange.problem ??= upstreamProblem(upstream, error).message;
      failed(connection, exchange);
      done();
    });
    firstLine(socket, (line) => {
      exchange.status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(line)?.[1] ?? Number.NaN) || undefined;
      exchange.answeredBy = "upstream";
      done();
    });
    connection.once("close", () => socket.destroy());
    connection.pipe(socket);
    socket.pipe(connection);
  } catch (error) {
    exchange.problem = errorText(error);
    failed(connection, exchange);
    connection.resume();
    firstLine(connection, done);
  }
}

/** The client hears why, unless the service's own answer has begun. */
function failed(connection: TlsConnection, exchange: Exchange): void {
  if (exchange.status !== undefined || !connection.writable) {
    connection.destroy();
    return;
  }
  const text = `spire-keylime intercept: ${exchange.problem}`;
  answer(connection, exchange, { status: 502, reason: "Bad Gateway", text });
}

function answer(
  connection: TlsConnection,
  exchange: Exchange,
  { status, reason, text }: { status: number; reason: string; text: string },
): void {
  exchange.status = status;
  exchange.answeredBy = "intercept";
  const body = `${JSON.stringify({ code: status, status: text, results: {} })}\n`;
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  connection.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

/** Looks on while the bytes go where they go: the stream's first line, cut at the most that is looked at. */
function firstLine(stream: Duplex, onLine: (line: string) => void): void {
  let head = "";
  const look = (chunk: Buffer): void => {
    head += chunk.toString("latin1", 0, mostHeadBytes);
    const end = head.indexOf("\n");
    if (end === -1 && head.length < mostHeadBytes) return;
    stream.off("data", look);
    onLine(head.slice(0, end === -1 ? mostHeadBytes : end).trim());
  };
  stream.on("data", look);
}

/** Method and path without the query, with nothing in it that moves a terminal's cursor. */
function requestOf(line: string): string | undefined {
  const [, method, path] = /^([A-Z]{3,10}) ([^ ?]+)/.exec(line) ?? [];
  return method === undefined ? undefined : `${method} ${path}`.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 200);
}
