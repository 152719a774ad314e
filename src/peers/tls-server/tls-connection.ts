import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { alertLevels, alertNumbers, readAlert } from "../../tls/alert.js";
import { type HandshakeMessage, HandshakeReader, writeHandshake } from "../../tls/handshake-reader.js";
import { readKeyUpdate, writeKeyUpdate } from "../../tls/messages/key-update.js";
import type { Plaintext } from "../../tls/record-protection.js";
import { contentTypes, handshakeTypes, tls13 } from "../../tls/tables/protocol.js";
import type { HandshakePolicy } from "./handshake-policy.js";
import { RecordLayer } from "./record-layer.js";
import { Refusal, refusalOf } from "./refusal.js";
import { ServerHandshake } from "./server-handshake.js";
import { type HandshakeStory, newStory, storyAlert } from "./story.js";

export interface ConnectionEvents {
  onEstablished(connection: TlsConnection): void;
  /** Once per connection: when the handshake is done, refused or given up. */
  onHandshake(story: HandshakeStory): void;
  handshakeTimeoutMs: number;
}

const { values: types } = contentTypes;
/** Messages after which the client's records are under other keys, so that they end their record. */
const keyChangingTypes: readonly number[] = [
  handshakeTypes.values.client_hello,
  handshakeTypes.values.finished,
  handshakeTypes.values.key_update,
];
/** How long a refused client's last bytes are still read, so that a reset does not overtake the alert. */
const lingerMs = 1000;
/** KeyUpdates in a row without data between them; OpenSSL and Go end a connection at 32. */
const maxKeyUpdates = 32;

/** One client's stream: plaintext to read and write once the handshake is done, and what the handshake told. */
export class TlsConnection extends Duplex {
  readonly encrypted = true;
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #records: RecordLayer;
  readonly #handshake: ServerHandshake;
  readonly #messages = new HandshakeReader();
  readonly #story: HandshakeStory;
  readonly #handshakeTimer: NodeJS.Timeout;
  #isTold = false;
  #isEnding = false;
  #hasClientEnded = false;
  #keyUpdates = 0;

  constructor(socket: Socket, policy: HandshakePolicy, events: ConnectionEvents) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#events = events;
    this.#story = newStory(socket.remoteAddress, socket.remotePort);
    this.#records = new RecordLayer((bytes) => void socket.write(bytes));
    this.#handshake = new ServerHandshake(policy, this.#records, this.#story);
    this.#handshakeTimer = setTimeout(() => this.#giveUp(), events.handshakeTimeoutMs);
    // A peer that goes away is no reason to end the process when nobody listens.
    this.on("error", () => {});
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("end", () => this.#receiveEnd());
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
    socket.on("timeout", () => this.emit("timeout"));
  }

  get story(): HandshakeStory {
    return this.#story;
  }

  /** The client's leaf certificate, verified; undefined when it presented none. */
  get clientCertificate(): X509Certificate | undefined {
    return this.#story.clientCertificates?.[0];
  }

  get serverName(): string | undefined {
    return this.#story.serverName;
  }

  get alpnProtocol(): string | undefined {
    return this.#story.alpn;
  }

  get remoteAddress(): string | undefined {
    return this.#story.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#story.remotePort;
  }

  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  // What node:http asks of a socket besides a stream's own methods.
  setTimeout(timeoutMs: number, onTimeout?: () => void): this {
    this.#socket.setTimeout(timeoutMs);
    if (onTimeout === undefined) return this;
    return timeoutMs === 0 ? this.off("timeout", onTimeout) : this.once("timeout", onTimeout);
  }

  setNoDelay(noDelay?: boolean): this {
    this.#socket.setNoDelay(noDelay);
    return this;
  }

  setKeepAlive(enable?: boolean, initialDelayMs?: number): this {
    this.#socket.setKeepAlive(enable, initialDelayMs);
    return this;
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (chunk.length === 0) done();
    else this.#socket.write(this.#records.sealAll(types.application_data, chunk), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#socket.writable) this.#records.sendAlert(alertNumbers.closeNotify, alertLevels.warning);
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#handshakeTimer);
    this.#tell({ failure: error?.message ?? "the client closed the connection" });
    if (!this.#isEnding) this.#hangUp();
    done(error);
  }

  /** What is written still goes out, with a close_notify behind it; a client that reads nothing is not waited for. */
  #hangUp(): void {
    if (!this.#handshake.isDone || !this.#socket.writable) {
      this.#socket.destroy();
      return;
    }
    this.#records.sendAlert(alertNumbers.closeNotify, alertLevels.warning);
    this.#socket.destroySoon();
    setTimeout(() => this.#socket.destroy(), lingerMs).unref();
  }

  #receive(chunk: Buffer): void {
    if (this.#isEnding || this.#hasClientEnded) return;
    // A flight goes out in one piece: a client that hangs up at its certificate must find nothing more being written to it,
    // or the error of that write overtakes the client's alert.
    this.#socket.cork();
    try {
      this.#records.push(chunk);
      for (let record = this.#records.next(); record !== undefined; record = this.#records.next()) {
        this.#receiveRecord(record);
        if (this.#isEnding || this.#hasClientEnded || this.destroyed) return;
      }
    } catch (error) {
      this.#refuse(refusalOf(error));
    } finally {
      this.#socket.uncork();
    }
  }

  #receiveRecord({ type, content }: Plaintext): void {
    if (type === types.alert) this.#receiveAlert(content);
    else if (type === types.handshake) this.#receiveHandshake(content);
    else if (type === types.application_data && this.#handshake.isDone) this.#receiveData(content);
    else throw new Refusal(alertNumbers.unexpectedMessage, `a record of type ${contentTypes.name(type)} out of place`);
  }

  #receiveData(content: Buffer): void {
    if (this.#messages.pendingBytes > 0) {
      throw new Refusal(alertNumbers.unexpectedMessage, "data in the middle of a handshake message");
    }
    if (content.length === 0) return;
    this.#keyUpdates = 0;
    if (!this.push(content)) this.#socket.pause();
  }

  #receiveAlert(content: Buffer): void {
    const { level, number } = readAlert(content);
    if (number === alertNumbers.closeNotify && this.#handshake.isDone) {
      this.#receiveEnd();
      return;
    }
    // user_canceled announces a close_notify and says nothing else (RFC 8446 section 6.1).
    if (number === alertNumbers.userCanceled) return;
    this.#story.alert ??= storyAlert("client", number, level);
    this.#tell({ outcome: "refused", failure: `the client sent ${this.#story.alert.name} (${number})` });
    this.destroy();
  }

  #receiveHandshake(content: Buffer): void {
    if (content.length === 0) throw new Refusal(alertNumbers.unexpectedMessage, "an empty handshake record");
    this.#messages.push(content);
    for (let message = this.#messages.next(); message !== undefined; message = this.#messages.next()) {
      if (keyChangingTypes.includes(message.type)) this.#refuseLeftovers();
      if (this.#handshake.isDone) this.#receiveLate(message.type, message.body);
      else this.#advance(message);
    }
  }

  #advance(message: HandshakeMessage): void {
    this.#handshake.receive(message);
    if (!this.#handshake.isDone) return;
    clearTimeout(this.#handshakeTimer);
    this.#tell({ outcome: "completed", failure: undefined });
    this.#events.onEstablished(this);
  }

  /** After the handshake only KeyUpdate is allowed (RFC 8446 section 4.6). */
  #receiveLate(type: number, body: Buffer): void {
    if (type !== handshakeTypes.values.key_update || this.#records.version !== tls13) {
      throw new Refusal(alertNumbers.unexpectedMessage, `received ${handshakeTypes.name(type)} after the handshake`);
    }
    const { requestUpdate } = readKeyUpdate(body);
    if (requestUpdate > 1)
      throw new Refusal(alertNumbers.illegalParameter, "a KeyUpdate that asks for neither yes nor no");
    if (++this.#keyUpdates > maxKeyUpdates) {
      throw new Refusal(alertNumbers.unexpectedMessage, `more than ${maxKeyUpdates} KeyUpdates in a row`);
    }
    this.#records.readProtection?.update?.();
    if (requestUpdate === 0) return;
    this.#records.send(types.handshake, writeHandshake(type, writeKeyUpdate({ requestUpdate: 0 })).raw);
    this.#records.writeProtection?.update?.();
  }

  #refuseLeftovers(): void {
    if (this.#messages.pendingBytes === 0) return;
    throw new Refusal(alertNumbers.unexpectedMessage, "a handshake record goes on where the keys change");
  }

  /** The client has nothing more to say: an orderly end for the reader, and the end of an unfinished handshake. */
  #receiveEnd(): void {
    if (this.#hasClientEnded) return;
    this.#hasClientEnded = true;
    if (this.#handshake.isDone) this.push(null);
    else this.destroy();
  }

  #refuse(refusal: Refusal): void {
    this.#story.alert ??= storyAlert("server", refusal.alert);
    this.#tell({ outcome: "refused", failure: refusal.message });
    this.#isEnding = true;
    if (this.#socket.writable) this.#records.sendAlert(refusal.alert);
    this.#socket.end();
    this.#socket.resume();
    setTimeout(() => this.#socket.destroy(), lingerMs).unref();
    this.destroy(this.#handshake.isDone ? refusal : undefined);
  }

  #giveUp(): void {
    this.#tell({ failure: `the handshake took longer than ${this.#events.handshakeTimeoutMs} ms` });
    this.destroy();
  }

  #tell(end: Partial<Pick<HandshakeStory, "outcome" | "failure">>): void {
    if (this.#isTold) return;
    this.#isTold = true;
    Object.assign(this.#story, end);
    this.#events.onHandshake(this.#story);
  }
}
