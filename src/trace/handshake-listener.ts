import { alpn } from "../tls/extensions/alpn.js";
import { extensionValue, type RawExtension } from "../tls/extensions/extension.js";
import type { HandshakeMessage } from "../tls/handshake-reader.js";
import { type Handshake, readHandshake } from "../tls/messages/handshake.js";
import { isHelloRetryRequest, negotiatedVersion, type ServerHello } from "../tls/messages/server-hello.js";
import { handshakeTypes, tls12 } from "../tls/tables/protocol.js";
import type { Conversation, Side } from "./conversation.js";

/** Told after a ServerHello that settles the version: who has secrets gives them to both sides. */
export type OnNegotiated = (serverHello: ServerHello) => void;

/** Decodes handshake messages and notes in the conversation what each one settles. */
export class HandshakeListener {
  readonly #conversation: Conversation;
  readonly #onNegotiated: OnNegotiated;

  constructor(conversation: Conversation, onNegotiated: OnNegotiated) {
    this.#conversation = conversation;
    this.#onNegotiated = onNegotiated;
  }

  /** The message's name for the ladder. Throws `tls-malformed` when it does not read. */
  onMessage(from: Side, message: HandshakeMessage): string {
    const handshake = readHandshake(message, this.#conversation.version || tls12);
    this.#note(from, handshake);
    if (handshake.kind === "server_hello" && isHelloRetryRequest(handshake)) return "hello_retry_request";
    return handshakeTypes.name(message.type);
  }

  #note(from: Side, handshake: Handshake): void {
    const conversation = this.#conversation;
    switch (handshake.kind) {
      case "client_hello":
        // The second of two repeats the first, with the key share that was asked for.
        conversation.clientHello = handshake;
        return;
      case "server_hello":
        this.#noteServerHello(handshake);
        return;
      case "encrypted_extensions":
        this.#noteProtocol(handshake.extensions);
        return;
      case "certificate_request":
        conversation.request = handshake;
        return;
      case "certificate":
        this.#noteCertificates(
          from,
          handshake.entries.map(({ certificate }) => certificate),
        );
        return;
      case "certificate_verify":
        if (from === "client") conversation.sawCertificateVerify = true;
        return;
      case "finished":
        conversation.finished[from] = true;
        return;
      default:
    }
  }

  #noteServerHello(hello: ServerHello): void {
    const conversation = this.#conversation;
    conversation.version = negotiatedVersion(hello);
    if (isHelloRetryRequest(hello)) {
      conversation.wasRetried = true;
      return;
    }
    conversation.serverHello = hello;
    this.#noteProtocol(hello.extensions);
    this.#onNegotiated(hello);
  }

  #noteProtocol(extensions: readonly RawExtension[]): void {
    this.#conversation.alpn ??= extensionValue(extensions, alpn)?.[0];
  }

  #noteCertificates(from: Side, certificates: Buffer[]): void {
    if (from === "client") this.#conversation.clientCertificates = certificates;
    else this.#conversation.serverCertificates = certificates;
  }
}
