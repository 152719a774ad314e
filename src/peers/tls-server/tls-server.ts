import { Server, type Socket } from "node:net";
import { type Clock, systemClock } from "../../core/clock.js";
import { type Credentials, type PemPair, parseCertificates, parseCredentials } from "./credentials.js";
import type { HandshakePolicy } from "./handshake-policy.js";
import type { HandshakeStory } from "./story.js";
import { TlsConnection } from "./tls-connection.js";

export interface TlsServerOptions extends PemPair {
  /** `optional` is Keylime 7.14's way: ask, take none for an answer, judge what is presented. */
  clientCertificates: "none" | "optional" | "required";
  /** PEM of the trust anchors. "" means none, and then every presented certificate is refused with unknown_ca (48). */
  trustedClientCaPem: string;
  /** OpenSSL's security level for client certificates; 2 unless told. */
  securityLevel?: number;
  /** Takes every certificate whose key the client holds, for a stand-in that looks and vouches for nothing. */
  takesEveryClient?: boolean;
  /** DER names of CAs to ask clients for, most servers' way with a trust file; none unless told, which is Keylime's way. */
  requestedAuthorities?: readonly Buffer[];
  /** Answers clients that know nothing newer than TLS 1.2, for a stand-in that looks. */
  speaksTls12?: boolean;
  clock?: Clock;
  /** 10 s unless told. */
  handshakeTimeoutMs?: number;
  onHandshake?: (story: HandshakeStory) => void;
  /** Takes lines of the SSLKEYLOGFILE format; they decrypt everything, so they go nowhere unless asked for. */
  keyLog?: (line: string) => void;
}

/** Of a stand-in that only looks: asks every client for its certificate, in either version, and takes whatever comes. */
export const takesAnybody = {
  clientCertificates: "optional",
  trustedClientCaPem: "",
  takesEveryClient: true,
  speaksTls12: true,
} as const satisfies Partial<TlsServerOptions>;

/**
 * A TLS 1.3 server for labs and tests. Unlike node:tls it sends the alerts that OpenSSL sends about client certificates
 * (42, 43, 45, 48, …). It speaks TLS 1.2 only when told, resumes no sessions and has not been hardened: not for production.
 */
export class TlsServer extends Server {
  readonly #connections = new Set<TlsConnection>();
  #policy: HandshakePolicy;

  constructor(options: TlsServerOptions, onConnection: (connection: TlsConnection) => void) {
    super({ allowHalfOpen: true });
    const { onHandshake = () => {}, handshakeTimeoutMs = 10_000 } = options;
    this.#policy = {
      credentials: parseCredentials(options),
      clientCertificates: options.clientCertificates,
      anchors: parseCertificates(options.trustedClientCaPem),
      securityLevel: options.securityLevel ?? 2,
      takesEveryClient: options.takesEveryClient ?? false,
      requestedAuthorities: options.requestedAuthorities ?? [],
      speaksTls12: options.speaksTls12 ?? false,
      clock: options.clock ?? systemClock,
      keyLog: options.keyLog,
    };
    this.on("connection", (socket: Socket) => {
      const connection = new TlsConnection(socket, this.#policy, {
        onEstablished: onConnection,
        onHandshake,
        handshakeTimeoutMs,
      });
      this.#connections.add(connection);
      socket.once("close", () => this.#connections.delete(connection));
    });
  }

  /** New connections get this certificate; established ones go on. A pair that does not fit throws and changes nothing. */
  rotate(pair: PemPair): void {
    const credentials: Credentials = parseCredentials(pair);
    this.#policy = { ...this.#policy, credentials };
  }

  /** New connections are judged by these anchors. */
  trustClients(trustedClientCaPem: string): void {
    this.#policy = { ...this.#policy, anchors: parseCertificates(trustedClientCaPem) };
  }

  /** Ends every connection at once, so that `close` comes to its end. */
  destroyConnections(): void {
    for (const connection of this.#connections) connection.destroy();
  }
}

export function createTlsServer(
  options: TlsServerOptions,
  onConnection: (connection: TlsConnection) => void,
): TlsServer {
  return new TlsServer(options, onConnection);
}
