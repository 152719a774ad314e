import type { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";

export interface ListenAddress {
  host: string;
  /** 0 lets the system choose. */
  port: number;
}

export interface ServerTls {
  certPem: string;
  keyPem: string;
  /** A presented client certificate must chain to it; none at all is taken too, as Keylime 7.14 does. */
  trustedClientCaPem: string;
}

export interface TlsListener {
  readonly address: ListenAddress;
  /** For connections from now on. */
  rotateTls(tls: ServerTls): void;
  /** Stops listening and ends every connection. */
  stop(): Promise<void>;
}

export type OnSecureStream = (stream: Duplex, clientCertificate: X509Certificate | undefined) => void;

/** Listens for TLS connections and hands over each one whose handshake is complete. */
export async function listenTls(
  { host, port }: ListenAddress,
  tls: ServerTls,
  onStream: OnSecureStream,
): Promise<TlsListener> {
  const server = createTlsServer({ ...secureOptions(tls), requestCert: true, rejectUnauthorized: false }, (socket) =>
    accept(socket, onStream),
  );
  server.on("tlsClientError", () => {});
  const sockets = trackSockets(server);
  server.listen(port, host);
  await once(server, "listening");
  return {
    address: boundAddress(server),
    rotateTls: (next) => server.setSecureContext(secureOptions(next)),
    async stop() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
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

function accept(socket: TLSSocket, onStream: OnSecureStream): void {
  socket.on("error", () => socket.destroy());
  const certificate = socket.getPeerX509Certificate();
  if (certificate !== undefined && !socket.authorized) socket.destroy();
  else onStream(socket, certificate);
}

function secureOptions({ certPem, keyPem, trustedClientCaPem }: ServerTls) {
  return { cert: certPem, key: keyPem, ca: trustedClientCaPem };
}
