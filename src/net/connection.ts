import { X509Certificate } from "node:crypto";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import { type CertificateFacts, certificateFacts } from "../x509/certificate.js";
import type { Identity } from "./identity.js";
import type { PeerStage } from "./peer-error-kind.js";

/** How far a connection has come and what it showed; kept beside the socket, since an error carries none of it. */
export interface ConnectionState {
  stage: PeerStage;
  /** The address in use, known once the name is looked up. */
  address: string | undefined;
  identity: Identity | undefined;
  /** The server's certificates, leaf first; undefined before the handshake. */
  serverChain: readonly CertificateFacts[] | undefined;
  tlsVersion: string | undefined;
}

export interface ConnectionTarget {
  host: string;
  port: number;
  /** The name the server's certificate must carry. */
  serverName: string;
  /** Undefined: plain TCP. */
  identity: Identity | undefined;
}

/** With several addresses Node gives each 250 ms before it tries the next: too little for a busy or distant peer. */
const addressAttemptMs = 2000;

/** Opens a connection. The server's certificate is always verified: chain, dates, purpose and name. */
export function openConnection(target: ConnectionTarget): { socket: Socket; state: ConnectionState } {
  const { host, port, identity } = target;
  const state: ConnectionState = {
    stage: isIP(host) === 0 ? "dns" : "connect",
    address: isIP(host) === 0 ? undefined : host,
    identity,
    serverChain: undefined,
    tlsVersion: undefined,
  };
  const tcp = { host, port, autoSelectFamilyAttemptTimeout: addressAttemptMs };
  const socket = identity === undefined ? connectTcp(tcp) : openTls(target, identity, tcp, state);
  socket.on("lookup", (error, address) => {
    if (error) return;
    state.stage = "connect";
    state.address ??= String(address);
  });
  socket.on("connect", () => {
    state.stage = identity === undefined ? "response" : "tls";
    state.address = socket.remoteAddress ?? state.address;
  });
  socket.setNoDelay(true);
  return { socket, state };
}

function openTls(
  { serverName }: ConnectionTarget,
  identity: Identity,
  tcp: { host: string; port: number },
  state: ConnectionState,
): TLSSocket {
  const socket = connectTls({
    ...tcp,
    secureContext: identity.secureContext,
    // RFC 6066 section 3 allows no addresses as server name.
    ...(isIP(serverName) === 0 ? { servername: serverName } : { servername: "" }),
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName, certificate),
    // Keylime speaks HTTP/1.1 only, the Rust agent prefers HTTP/2 when it is offered.
    ALPNProtocols: ["http/1.1"],
  });
  // Node judges the server in its own "secure" listener and drops the certificates when it refuses: look before it.
  socket.prependListener("secure" as "secureConnect", () => {
    state.serverChain = chainOf(socket.getPeerCertificate(true));
    state.tlsVersion = socket.getProtocol() ?? undefined;
  });
  socket.on("secureConnect", () => {
    state.stage = "response";
  });
  return socket;
}

/**
 * The server's chain as it sent it, completed from our CA file, at most ten certificates. Not from
 * getPeerX509Certificate(): in Node 20 that takes the leaf off the connection's own list, and the check that follows
 * judges the intermediate.
 */
function chainOf(leaf: DetailedPeerCertificate): CertificateFacts[] {
  const chain: CertificateFacts[] = [];
  let each: DetailedPeerCertificate | undefined = leaf;
  while (each?.raw !== undefined && chain.length < 10) {
    const facts = certificateFacts(new X509Certificate(each.raw));
    if (chain.some(({ sha256 }) => sha256 === facts.sha256)) break;
    chain.push(facts);
    each = each.issuerCertificate;
  }
  return chain;
}
