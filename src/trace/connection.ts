import { type SegmentReader, tcpFlags } from "../formats/pcap/segment-reader.js";
import { tls13 } from "../tls/tables/protocol.js";
import { addStep, type Conversation, newConversation, type Side } from "./conversation.js";
import { type EarlySegment, EarlySegments } from "./early-segments.js";
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

/** Bytes of both sides together within which segments are put in the order of cause and effect: room for the handshake. */
const orderedBytes = 0x10000;

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
  /** Who sent a FIN, and who a RST, as far as the bytes before it have been read. */
  readonly finished: [boolean, boolean] = [false, false];
  resetBy: Side | undefined;
  /** Sequence number of each side's FIN: where its bytes end. */
  readonly #ends: [number, number] = [0, 0];
  /** Who has said that nothing more will come, by FIN or RST. */
  readonly #closed: [boolean, boolean] = [false, false];
  readonly #budget: HoldBudget;
  #early: EarlySegments | undefined;
  #isOrdered = true;

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
    this.#budget = budget;
    this.firstTimeMs = this.lastTimeMs = timeMs;
    const listener = new HandshakeListener(this.conversation, () => this.#useSecrets(keyLog));
    const side = (index: 0 | 1) => new TlsSide(this.sideOf(index), this.conversation, listener, () => this.#swap());
    this.#sides = [side(0), side(1)];
    this.streams = [new TcpStream(this.#sides[0], budget), new TcpStream(this.#sides[1], budget)];
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
    const isWhole = (index: 0 | 1) => this.finished[index] && this.streams[index].isWholeUpTo(this.#ends[index]);
    return this.resetBy === undefined && isWhole(0) && isWhole(1);
  }

  stream(side: Side): TcpStream {
    return this.streams[this.sideOf(0) === side ? 0 : 1];
  }

  sideOf(index: 0 | 1): Side {
    return index === this.clientIndex ? "client" : "server";
  }

  /**
   * A segment of an endpoint. At the connection's start one that acknowledges bytes of the other side which the capture
   * shows only later waits for them: interfaces and queues are captured each for itself, and a client's flight that comes
   * before the ServerHello cannot be read.
   */
  onSegment(from: 0 | 1, segment: SegmentReader, packet: number, timeMs: number): void {
    const { bytes, payloadStart, payloadEnd, cutBytes, flags, acknowledged } = segment;
    const isSilent = payloadStart === payloadEnd && cutBytes === 0;
    const isClose = (flags & (tcpFlags.fin | tcpFlags.rst)) !== 0;
    if (this.#isOrdered && (flags & tcpFlags.ack) !== 0)
      this.streams[from === 0 ? 1 : 0].noteAcknowledged(acknowledged);
    if (isSilent && !isClose) return;
    if (isClose) this.#noteClosed(from, flags);
    // A SYN takes a sequence number of its own.
    const sequence = (flags & tcpFlags.syn) === 0 ? segment.sequence : (segment.sequence + 1) >>> 0;
    if (this.#isOrdered && this.#isAhead(from, flags, acknowledged)) {
      const copy = Buffer.from(bytes.subarray(payloadStart, payloadEnd));
      this.#hold({ from, acknowledged, sequence, bytes: copy, cutBytes, flags, packet, timeMs });
      return;
    }
    this.#take(from, bytes, payloadStart, payloadEnd, sequence, cutBytes, flags, packet, timeMs);
    if (this.#isOrdered) this.#takeDue();
  }

  #noteClosed(from: 0 | 1, flags: number): void {
    this.#closed[from] = true;
    if ((flags & tcpFlags.rst) !== 0) this.#closed[from === 0 ? 1 : 0] = true;
  }

  /** What it answers has not been read yet. Without its own SYN a stream is not in the capture from its start. */
  #isAhead(from: 0 | 1, flags: number, acknowledged: number): boolean {
    const [own, other] = [this.streams[from], this.streams[from === 0 ? 1 : 0]];
    if ((flags & tcpFlags.ack) === 0 || !own.isStarted || own.isMidStream) return false;
    // A FIN takes a sequence number of its own.
    return other.missingBefore(acknowledged) > (this.finished[from === 0 ? 1 : 0] ? 1 : 0);
  }

  #hold(segment: EarlySegment): void {
    this.#early ??= new EarlySegments(this.#budget);
    this.#early.hold(segment);
    if (this.#early.isFull) this.#stopOrdering();
  }

  #takeDue(): void {
    if (this.#early !== undefined)
      this.#takeEarly(({ from, flags, acknowledged }) => !this.#isAhead(from, flags, acknowledged));
    if (this.streams[0].deliveredBytes + this.streams[1].deliveredBytes > orderedBytes) this.#stopOrdering();
  }

  #stopOrdering(): void {
    this.#isOrdered = false;
    this.#takeEarly(() => true);
    this.#early = undefined;
  }

  #takeEarly(isDue: (segment: EarlySegment) => boolean): void {
    for (;;) {
      const early = this.#early?.takeFirst(isDue);
      if (early === undefined) return;
      const { from, bytes, sequence, cutBytes, flags, packet, timeMs } = early;
      this.#take(from, bytes, 0, bytes.length, sequence, cutBytes, flags, packet, timeMs);
    }
  }

  #take(
    from: 0 | 1,
    bytes: Buffer,
    start: number,
    end: number,
    sequence: number,
    cutBytes: number,
    flags: number,
    packet: number,
    timeMs: number,
  ): void {
    this.streams[from].segment(bytes, start, end, sequence, cutBytes, packet, timeMs);
    if ((flags & (tcpFlags.fin | tcpFlags.rst)) === 0) return;
    this.#onClose(from, flags, (sequence + end - start + cutBytes) >>> 0, packet, timeMs);
  }

  /** The FIN or RST of an endpoint, once each; `sequence` is the FIN's own. */
  #onClose(index: 0 | 1, flags: number, sequence: number, packet: number, timeMs: number): void {
    const from = this.sideOf(index);
    if ((flags & tcpFlags.rst) !== 0) {
      if (this.resetBy !== undefined) return;
      this.resetBy = from;
      addStep(this.conversation, from, "RST", "clear", 0, packet, timeMs);
    } else if (!this.finished[index]) {
      this.finished[index] = true;
      this.#ends[index] = sequence;
      addStep(this.conversation, from, "FIN", "clear", 0, packet, timeMs);
    }
  }

  /** Nothing more will come: what was held back for bytes that never came is read as far as it goes. */
  finish(): void {
    this.#stopOrdering();
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
