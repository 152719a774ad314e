import { errorText } from "../core/problem.js";
import { alertName, readAlert } from "../tls/alert.js";
import { HandshakeReader } from "../tls/handshake-reader.js";
import { isMalformed } from "../tls/malformed.js";
import type { Plaintext } from "../tls/record-protection.js";
import { contentTypes, handshakeTypes, tls13 } from "../tls/tables/protocol.js";
import {
  addProblem,
  addStep,
  type Conversation,
  maxEncryptedRecords,
  type Protection,
  type Side,
} from "./conversation.js";
import type { HandshakeListener } from "./handshake-listener.js";
import type { RecordOpener } from "./record-opener.js";
import { type RecordReceiver, RecordWalker } from "./record-walker.js";
import type { StreamReceiver } from "./tcp-stream.js";

const types = contentTypes.values;
/** Protected records up to this length are opened however long the connection lasts: alerts, key updates, tickets. */
const shortRecordBytes = 64;
/** Records at a direction's start that are opened whatever their length, a certificate asked for late included. */
const openedRecords = 64;

/** Reads one side of a TLS connection: records, handshake messages, alerts. What it learns goes into the conversation. */
export class TlsSide implements StreamReceiver, RecordReceiver {
  /** Changes once at most, when a hello shows that the capture's first packet was the server's. */
  from: Side;
  readonly #conversation: Conversation;
  readonly #listener: HandshakeListener;
  readonly #onWrongSide: () => void;
  readonly #walker = new RecordWalker(this);
  #handshake: HandshakeReader | undefined;
  #opener: RecordOpener | undefined;
  /** TLS 1.2: everything after this side's ChangeCipherSpec. */
  #isEncrypted = false;
  #records = 0;
  #packet = 0;
  #timeMs = 0;

  constructor(from: Side, conversation: Conversation, listener: HandshakeListener, onWrongSide: () => void) {
    this.from = from;
    this.#conversation = conversation;
    this.#listener = listener;
    this.#onWrongSide = onWrongSide;
  }

  get hasRecords(): boolean {
    return this.#records > 0;
  }

  get isInsideRecord(): boolean {
    return this.#walker.isInsideRecord;
  }

  onBytes(bytes: Buffer, start: number, end: number, packet: number, timeMs: number): void {
    this.#packet = packet;
    this.#timeMs = timeMs;
    this.#walker.push(bytes, start, end);
  }

  onGap(): void {
    this.#walker.lose();
    this.#opener?.lose();
    this.#handshake = undefined;
  }

  canPass(length: number): boolean {
    return this.#walker.pass(length);
  }

  /** The keys of this side, as soon as the ServerHello says which. */
  useOpener(opener: RecordOpener): void {
    this.#opener = opener;
  }

  wantsBody(type: number, length: number): boolean {
    if (type === types.application_data) {
      if (this.#opener?.isUsable !== true) return false;
      return this.#records < openedRecords || length <= shortRecordBytes;
    }
    return !this.#isEncrypted && (type === types.handshake || type === types.alert);
  }

  onRecord(type: number, _version: number, length: number, body: Buffer | undefined): void {
    this.#records++;
    if (type === types.application_data) this.#onProtected(length, body);
    else if (type === types.change_cipher_spec) this.#onChangeCipherSpec(length);
    else if (type === types.alert) this.#onAlertRecord(length, body);
    else if (type === types.handshake && body !== undefined) this.#onHandshakeBytes(Buffer.from(body), "clear");
    else if (type === types.handshake) this.#onEncryptedHandshake(length);
    else this.#step(contentTypes.name(type), "clear", length);
  }

  onNoRecord(header: Buffer): void {
    if (this.#records > 0) {
      this.#problem(`bytes that are no TLS record: ${header.toString("hex")}`);
      return;
    }
    this.#conversation.notTls[this.from] = Buffer.from(header);
    this.#walker.stop();
  }

  #step(name: string, protection: Protection, bytes: number): void {
    addStep(this.#conversation, this.from, name, protection, bytes, this.#packet, this.#timeMs);
  }

  #problem(what: string): void {
    addProblem(this.#conversation, `packet ${this.#packet}, from the ${this.from}: ${what}`);
  }

  #onChangeCipherSpec(length: number): void {
    this.#step("change_cipher_spec", "clear", length);
    // TLS 1.3 sends it for the sake of old middleboxes; it means nothing there (RFC 8446 appendix D.4).
    if (this.#conversation.version < tls13) this.#isEncrypted = true;
  }

  #onAlertRecord(length: number, body: Buffer | undefined): void {
    if (body !== undefined) {
      this.#onAlert(body, "clear");
    } else {
      this.#step("alert", "encrypted", length);
      this.#addAlert(undefined);
    }
  }

  #onAlert(body: Buffer, protection: Protection): void {
    try {
      const alert = readAlert(Buffer.from(body));
      this.#step(`alert ${alertName(alert.number)}`, protection, body.length);
      this.#addAlert(alert);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #addAlert(alert: { level: number; number: number } | undefined): void {
    const { alerts } = this.#conversation;
    if (alerts.length < 16) alerts.push({ from: this.from, alert, packet: this.#packet, timeMs: this.#timeMs });
  }

  /** Finished is the first message under a side's keys in TLS 1.2; later ones renegotiate. */
  #onEncryptedHandshake(length: number): void {
    const { finished } = this.#conversation;
    this.#step(finished[this.from] ? "handshake" : "finished", "encrypted", length);
    finished[this.from] = true;
  }

  #onProtected(length: number, body: Buffer | undefined): void {
    const isHandshakeOver = this.#conversation.version < tls13 || this.#conversation.finished[this.from];
    if (body === undefined) {
      if (isHandshakeOver) this.#opener?.skip();
      this.#onUnopened(length, isHandshakeOver);
      return;
    }
    try {
      const plain = this.#opener?.open(body);
      if (plain === undefined) this.#onUnopened(length, isHandshakeOver);
      else this.#onPlaintext(plain);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #onPlaintext({ type, content }: Plaintext): void {
    this.#conversation.sawDecryption = true;
    if (type === types.handshake) this.#onHandshakeBytes(content, "decrypted");
    else if (type === types.alert) this.#onAlert(content, "decrypted");
    else if (type === types.application_data) this.#onApplicationData(content.length, "decrypted");
    else this.#step(contentTypes.name(type), "decrypted", content.length);
  }

  #onApplicationData(length: number, protection: Protection): void {
    const { applicationRecords, applicationBytes } = this.#conversation;
    applicationRecords[this.from]++;
    applicationBytes[this.from] += length;
    this.#step("application_data", protection, length);
  }

  #onUnopened(length: number, isHandshakeOver: boolean): void {
    const { encryptedRecords, version } = this.#conversation;
    if (version >= tls13 && !isHandshakeOver && encryptedRecords.length < maxEncryptedRecords) {
      encryptedRecords.push({ from: this.from, length, packet: this.#packet, timeMs: this.#timeMs });
      this.#step("encrypted_record", "encrypted", length);
    } else {
      this.#onApplicationData(length, "encrypted");
    }
  }

  #onHandshakeBytes(bytes: Buffer, protection: Protection): void {
    this.#handshake ??= new HandshakeReader();
    try {
      this.#handshake.push(bytes);
      for (;;) {
        const message = this.#handshake.next();
        if (message === undefined) return;
        if (helloSender(message.type) !== undefined && helloSender(message.type) !== this.from) this.#onWrongSide();
        const name = this.#listener.onMessage(this.from, message);
        this.#step(name, protection, message.raw.length);
        if (message.type === handshakeTypes.values.key_update) this.#opener?.update();
        if (message.type === handshakeTypes.values.finished) this.#opener?.startApplication();
      }
    } catch (error) {
      this.#handshake = undefined;
      this.#refuse(error);
    }
  }

  /** Bytes of a peer are told and left; anything else is ours and goes up. */
  #refuse(error: unknown): void {
    if (!isMalformed(error)) throw error;
    this.#problem(errorText(error));
  }
}

function helloSender(type: number): Side | undefined {
  if (type === handshakeTypes.values.client_hello) return "client";
  return type === handshakeTypes.values.server_hello ? "server" : undefined;
}
