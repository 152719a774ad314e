import { type SegmentReader, tcpFlags } from "../formats/pcap/segment-reader.js";
import { tls13 } from "../tls/tables/protocol.js";
import { CauseOrder } from "./cause-order.js";
import { addStep, type Conversation, newConversation, type Side } from "./conversation.js";
import type { TcpSegment } from "./early-segments.js";
import { HandshakeListener } from "./handshake-listener.js";
import type { HoldBudget } from "./held-segments.js";
import type { KeyLog } from "./key-log.js";
import { RecordOpener } from "./record-opener.js";
import { TcpStream } from "./tcp-stream.js";
import { TlsSide } from "./tls-side.js";

export interface Endpoint {
  /** 4 or 16 bytes. */
  address: Buffer;
  port: number;
}

/** A TCP connection and the TLS in it. Endpoint 0 sent the packet that made it known. */
export class Connection {
  /** From 1, in the order of first packets. */
  readonly number: number;
  readonly endpoints: readonly [Endpoint, Endpoint];
  readonly conversation: Conversation = newConversation();
  readonly firstTimeMs: number;
  lastTimeMs: number;
  packets = 0;
  /** Which endpoint is the client: by SYN, else by the higher port, until a hello says so. */
  clientIndex: 0 | 1;
  readonly streams: readonly [TcpStream, TcpStream];
  readonly #sides: readonly [TlsSide, TlsSide];
  /** Who sent a RST, as soon as what it answers has been read. */
  resetBy: Side | undefined;
  /** Who has said that nothing more will come, by FIN or RST. */
  readonly #closed: [boolean, boolean] = [false, false];
  readonly #order: CauseOrder;

  constructor(
    number: number,
    endpoints: readonly [Endpoint, Endpoint],
    clientIndex: 0 | 1,
    timeMs: number,
    keyLog: KeyLog,
    budget: HoldBudget,
  ) {
    this.number = number;
    this.endpoints = endpoints;
    this.clientIndex = clientIndex;
    this.firstTimeMs = this.lastTimeMs = timeMs;
    const listener = new HandshakeListener(this.conversation, () => this.#useSecrets(keyLog));
    const side = (index: 0 | 1) => new TlsSide(this.sideOf(index), this.conversation, listener, () => this.#swap());
    this.#sides = [side(0), side(1)];
    this.streams = [new TcpStream(this.#sides[0], budget), new TcpStream(this.#sides[1], budget)];
    this.#order = new CauseOrder(this.streams, budget, (from, segment, packet, atMs) =>
      this.#take(from, segment, packet, atMs),
    );
  }

  get client(): Endpoint {
    return this.endpoints[this.clientIndex];
  }

  get server(): Endpoint {
    return this.endpoints[this.clientIndex === 0 ? 1 : 0];
  }

  get isTls(): boolean {
    return this.#sides[0].hasRecords || this.#sides[1].hasRecords;
  }

  get isOver(): boolean {
    return this.#closed[0] && this.#closed[1];
  }

  /** Both sides have sent their FIN, and nothing before either is missing: nothing more can come. */
  get isComplete(): boolean {
    return this.resetBy === undefined && this.streams[0].isWhole && this.streams[1].isWhole;
  }

  stream(side: Side): TcpStream {
    return this.streams[this.sideOf(0) === side ? 0 : 1];
  }

  sideOf(index: 0 | 1): Side {
    return index === this.clientIndex ? "client" : "server";
  }

  onSegment(from: 0 | 1, segment: SegmentReader, packet: number, timeMs: number): void {
    if ((segment.flags & (tcpFlags.fin | tcpFlags.rst)) !== 0) this.#noteClosed(from, segment.flags);
    this.#order.push(from, segment, packet, timeMs);
  }

  #noteClosed(from: 0 | 1, flags: number): void {
    this.#closed[from] = true;
    if ((flags & tcpFlags.rst) !== 0) this.#closed[from === 0 ? 1 : 0] = true;
  }

  #take(from: 0 | 1, segment: TcpSegment, packet: number, timeMs: number): void {
    const { bytes, payloadStart, payloadEnd, flags, cutBytes } = segment;
    // A SYN takes a sequence number of its own.
    const sequence = (flags & tcpFlags.syn) === 0 ? segment.sequence : (segment.sequence + 1) >>> 0;
    this.streams[from].segment(bytes, payloadStart, payloadEnd, sequence, cutBytes, packet, timeMs);
    if ((flags & (tcpFlags.fin | tcpFlags.rst)) === 0) return;
    this.#onClose(from, flags, (sequence + payloadEnd - payloadStart + cutBytes) >>> 0, packet, timeMs);
  }

  /** The FIN or RST of an endpoint, once each; `sequence` is the FIN's own. */
  #onClose(index: 0 | 1, flags: number, sequence: number, packet: number, timeMs: number): void {
    const from = this.sideOf(index);
    if ((flags & tcpFlags.rst) !== 0) {
      if (this.resetBy !== undefined) return;
      this.resetBy = from;
      addStep(this.conversation, from, "RST", "clear", 0, packet, timeMs);
    } else if (!this.streams[index].isFinished) {
      this.streams[index].noteFin(sequence);
      addStep(this.conversation, from, "FIN", "clear", 0, packet, timeMs);
    }
  }

  /** Nothing more will come: what was held back for bytes that never came is read as far as it goes. */
  finish(): void {
    this.#order.stop();
    for (const stream of this.streams) {
      stream.finish();
      stream.discard();
    }
  }

  /** The guess by port was wrong: what was noted so far changes sides. */
  #swap(): void {
    this.clientIndex = this.clientIndex === 0 ? 1 : 0;
    for (const [index, side] of this.#sides.entries()) side.from = this.sideOf(index as 0 | 1);
    for (const step of this.conversation.steps) step.from = step.from === "client" ? "server" : "client";
    if (this.resetBy !== undefined) this.resetBy = this.resetBy === "client" ? "server" : "client";
  }

  #useSecrets(keyLog: KeyLog): void {
    const { clientHello, serverHello, version } = this.conversation;
    if (version < tls13 || clientHello === undefined || serverHello === undefined) return;
    const secrets = keyLog.find(clientHello.random);
    if (secrets === undefined) return;
    this.conversation.hasSecrets = true;
    const suite = serverHello.cipherSuite;
    const client = new RecordOpener(suite, secrets.clientHandshake, secrets.clientApplication);
    const server = new RecordOpener(suite, secrets.serverHandshake, secrets.serverApplication);
    this.#sides[this.clientIndex].useOpener(client);
    this.#sides[this.clientIndex === 0 ? 1 : 0].useOpener(server);
  }
}
