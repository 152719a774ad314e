import type { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { HandshakeStory } from "../tls-server/story.js";
import { createTlsServer } from "../tls-server/tls-server.js";

export interface ListenAddress {
  host: string;
  /** 0 lets the system choose. */
  port: number;
}

export interface ServerTls {
  certPem: string;
  keyPem: string;
  /** A presented client certificate must chain to it. */
  trustedClientCaPem: string;
}

export interface TlsListenerOptions {
  /** `optional` when not given: a client without a certificate is served, as Keylime 7.14 does. */
  clientCertificates?: "optional" | "required";
  /** Told of every handshake, the refused ones too. */
  onHandshake?: (story: HandshakeStory) => void;
}

export interface TlsListener {
  readonly address: ListenAddress;
  /** For connections from now on. */
  rotateTls(tls: ServerTls): void;
  /** Stops listening and ends every connection. */
  stop(): Promise<void>;
}

export type OnSecureStream = (stream: Duplex, clientCertificate: X509Certificate | undefined) => void;

/** Listens for TLS 1.3 connections and hands over each one whose handshake is complete. */
export async function listenTls(
  { host, port }: ListenAddress,
  tls: ServerTls,
  onStream: OnSecureStream,
  { clientCertificates = "optional", onHandshake }: TlsListenerOptions = {},
): Promise<TlsListener> {
  const told = onHandshake === undefined ? {} : { onHandshake };
  const server = createTlsServer({ ...tls, clientCertificates, ...told }, (connection) =>
    onStream(connection, connection.clientCertificate),
  );
  server.listen(port, host);
  await once(server, "listening");
  return {
    address: boundAddress(server),
    rotateTls(next) {
      server.rotate(next);
      server.trustClients(next.trustedClientCaPem);
    },
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.destroyConnections();
      await closed;
    },
  };
}

export function boundAddress(server: Server): ListenAddress {
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port };
}

export function trackSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return sockets;
}
