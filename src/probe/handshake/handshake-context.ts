import { type HandshakeMessage, writeHandshake } from "../../tls/handshake-reader.js";
import { Transcript } from "../../tls/key-schedule.js";
import { malformed } from "../../tls/malformed.js";
import type { CertificateRequest } from "../../tls/messages/certificate-request.js";
import type { ClientCredentials } from "../client-credentials.js";
import type { ConnectionStory } from "../connection-story.js";
import type { ClientRecords } from "./client-records.js";
import type { Offer } from "./offer.js";
import { contentTypes, handshakeTypes } from "./wire-versions.js";

/** What is waited for, and what is done when it arrives. */
export interface State {
  /** Handshake types that may come now. */
  readonly expects: readonly number[];
  receive(message: HandshakeMessage): State | "established";
}

/** What to present when the server asks. */
export interface Presenting {
  credentials: ClientCredentials;
  /** DER, leaf first: what goes on the wire. */
  chain: readonly Buffer[];
  /** Why the imitated stack would answer "none" to this request. */
  withhold?: (request: CertificateRequest) => string | undefined;
}

/** What all states of one handshake share. */
export class HandshakeContext {
  readonly transcript = new Transcript();
  /** Every message so far as it was sent: TLS 1.2 signs them whole. */
  readonly raw: Buffer[] = [];
  /** The last thing the client sent, as an alert's place in the story. */
  lastSent = "";

  constructor(
    public offer: Offer,
    readonly presenting: Presenting | undefined,
    readonly records: ClientRecords,
    readonly story: ConnectionStory,
    readonly elapsedMs: () => number,
  ) {}

  send(type: number, body: Buffer): void {
    const { raw } = writeHandshake(type, body);
    this.add(raw);
    this.lastSent = sentNames[type] ?? handshakeTypes.name(type);
    this.tell("client", handshakeTypes.name(type), raw.length);
    this.records.send(contentTypes.values.handshake, raw);
  }

  add(raw: Buffer): void {
    this.transcript.add(raw);
    this.raw.push(raw);
  }

  tell(from: "client" | "server", name: string, bytes: number): void {
    this.story.messages.push({ from, name, bytes, atMs: this.elapsedMs() });
  }
}

const sentNames: Record<number, string> = {
  [handshakeTypes.values.client_hello]: "ClientHello",
  [handshakeTypes.values.certificate]: "Certificate",
  [handshakeTypes.values.client_key_exchange]: "ClientKeyExchange",
  [handshakeTypes.values.certificate_verify]: "CertificateVerify",
  [handshakeTypes.values.finished]: "Finished",
};

/** The server's bytes are well formed and break the protocol all the same. */
export function violation(what: string, why: string): Error {
  return malformed(`the server's ${what}`, why);
}
