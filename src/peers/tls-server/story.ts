import type { X509Certificate } from "node:crypto";
import { alertLevels, alertName } from "../../tls/alert.js";
import type { ClientHello } from "../../tls/messages/client-hello.js";
import { handshakeTypes } from "../../tls/tables/protocol.js";
import type { TrustVerdict } from "../../x509/trust/verdict.js";

export type Side = "client" | "server";

/** What went over the wire in one handshake, for the scenes of the lab and for tests. */
export interface HandshakeStory {
  remoteAddress: string | undefined;
  remotePort: number | undefined;
  /** `completed` as far as the server is concerned; `abandoned` by the client without an alert, or by time-out. */
  outcome: "completed" | "refused" | "abandoned";
  /** Why, when not completed. */
  failure: string | undefined;
  messages: StoryMessage[];
  /** The first one, which shows the client's TLS library. */
  clientHello: ClientHello | undefined;
  /** From the client's server_name extension. */
  serverName: string | undefined;
  /** What the client offers for ALPN. */
  offeredProtocols: string[];
  alpn: string | undefined;
  /** Numbers of the registries; undefined until negotiated. */
  version: number | undefined;
  cipherSuite: number | undefined;
  group: number | undefined;
  /** undefined until the client has answered a request, or when there was none; empty when it presented none. */
  clientCertificates: X509Certificate[] | undefined;
  /** Whether the client signed with the key of its leaf; undefined until its signature was seen. */
  isKeyProven: boolean | undefined;
  /** What the server thinks of them; undefined too when it takes every client. */
  verdict: TrustVerdict | undefined;
  alert: StoryAlert | undefined;
}

export interface StoryMessage {
  from: Side;
  type: number;
  /** `client_hello`; a retry is `hello_retry_request` though its type is server_hello's. */
  name: string;
  bytes: number;
}

export interface StoryAlert {
  from: Side;
  level: number;
  number: number;
  name: string;
}

export function newStory(remoteAddress: string | undefined, remotePort: number | undefined): HandshakeStory {
  return {
    remoteAddress,
    remotePort,
    outcome: "abandoned",
    failure: undefined,
    messages: [],
    clientHello: undefined,
    serverName: undefined,
    offeredProtocols: [],
    alpn: undefined,
    version: undefined,
    cipherSuite: undefined,
    group: undefined,
    clientCertificates: undefined,
    isKeyProven: undefined,
    verdict: undefined,
    alert: undefined,
  };
}

export function storyMessage(from: Side, type: number, bytes: number, name = handshakeTypes.name(type)): StoryMessage {
  return { from, type, name, bytes };
}

export function storyAlert(from: Side, number: number, level: number = alertLevels.fatal): StoryAlert {
  return { from, level, number, name: alertName(number) };
}
