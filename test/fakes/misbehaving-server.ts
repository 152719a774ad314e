import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

/** What the server does with one request; `text` is the request's head as it came. */
export type Behaviour = (socket: Socket, text: string, number: number) => void;

export interface MisbehavingOptions {
  /** Without it the server speaks plain TCP. */
  tls?: TlsOptions;
  /** Runs for every request head that is complete. */
  onRequest?: Behaviour;
  /** Runs when the TCP connection is there, before TLS and before any byte. */
  onConnection?: (socket: Socket) => void;
}

/** A peer that does what a script says, byte by byte, on a port of the system's choice. */
export interface MisbehavingServer extends AsyncDisposable {
  readonly port: number;
  /** Heads of the requests so far. */
  readonly requests: readonly string[];
  /** TCP connections so far. */
  readonly connections: number;
  /** Ends every open connection without a word. */
  dropConnections(): void;
}

export async function startMisbehavingServer(options: MisbehavingOptions): Promise<MisbehavingServer> {
  const { tls, onRequest = answer(200, {}), onConnection = () => {} } = options;
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  let connections = 0;
  const serve = (socket: Socket): void => {
    const raw = [...sockets].find(({ remotePort }) => remotePort === socket.remotePort);
    if (raw !== undefined) rawSockets.set(socket, raw);
    let received = "";
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      received += bytes.toString("latin1");
      for (let end = received.indexOf("\r\n\r\n"); end !== -1; end = received.indexOf("\r\n\r\n")) {
        const text = received.slice(0, end);
        received = received.slice(end + 4);
        onRequest(socket, text, requests.push(text));
      }
    });
  };
  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  server.prependListener("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const dropConnections = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    get connections() {
      return connections;
    },
    dropConnections,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      dropConnections();
      await closed;
    },
  };
}

/** A whole answer with the right length. Objects are sent as JSON. */
export function answer(status: number, body: unknown, headers: Record<string, string> = {}): Behaviour {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const lines = Object.entries({ "Content-Length": String(Buffer.byteLength(text)), ...headers });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return (socket) => socket.write(`HTTP/1.1 ${status} Any\r\n${head}\r\n${text}`);
}

/** Answers each request by its path, without the query; 404 with an empty body for the rest. */
export function routes(table: Readonly<Record<string, Behaviour>>): Behaviour {
  return (socket, text, number) => {
    const path = /^\S+ ([^ ?]*)/.exec(text)?.[1] ?? "";
    (table[path] ?? answer(404, "", { "Content-Type": "text/html" }))(socket, text, number);
  };
}

/** The TCP socket below a TLS one: only that can be reset. */
const rawSockets = new WeakMap<Socket, Socket>();

function reset(socket: Socket): void {
  (rawSockets.get(socket) ?? socket).resetAndDestroy();
}

const lotsOfBytes = Buffer.alloc(65_536, "x");

/** Ways to misbehave once a request is there, by what they are called in a test's name. */
export const misbehaviours = {
  "says nothing": () => {},
  "closes without a word": (socket) => socket.end(),
  "resets the connection": (socket) => reset(socket),
  "sends what is not HTTP": (socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"),
  "breaks the status line": (socket) => socket.end("HTTP/1.1 abc\r\n\r\n"),
  "drips a header for ever": (socket) => drip(socket, "HTTP/1.1 200 OK\r\nX: ", "x"),
  "drips a body for ever": (socket) => drip(socket, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "x"),
  "sends headers without end": (socket) =>
    flood(socket, "HTTP/1.1 200 OK\r\n", Buffer.from(`X: ${"x".repeat(1000)}\r\n`)),
  "sends a body without end": (socket) => flood(socket, "HTTP/1.1 200 OK\r\n\r\n", lotsOfBytes),
  "sends chunks without end": (socket) =>
    flood(
      socket,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      Buffer.concat([Buffer.from("10000\r\n"), lotsOfBytes, Buffer.from("\r\n")]),
    ),
  "ends in the middle of the body": (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"),
  "sends two different lengths": (socket) =>
    socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
  "breaks a chunk": (socket) => socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"),
  "switches protocols unasked": (socket) =>
    socket.write("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
  "promises for ever": (socket) => drip(socket, "", "HTTP/1.1 103 Early Hints\r\n\r\n"),
} as const satisfies Record<string, Behaviour>;

function drip(socket: Socket, first: string, next: string): void {
  socket.write(first);
  const timer = setInterval(() => socket.write(next), 20);
  socket.on("close", () => clearInterval(timer));
}

function flood(socket: Socket, first: string, next: Buffer): void {
  socket.write(first);
  const more = (): void => {
    while (socket.writable && socket.write(next));
  };
  socket.on("drain", more);
  more();
}
