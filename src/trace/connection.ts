import { tcpFlags } from "../formats/pcap/segment-reader.js";
import { tls13 } from "../tls/tables/protocol.js";
import { addStep, type Conversation, newConversation, type Side } from "./conversation.js";
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
  /** Who sent a FIN, and who a RST. */
  readonly finished: [boolean, boolean] = [false, false];
  resetBy: Side | undefined;
  /** Sequence number of each side's FIN: where its bytes end. */
  readonly #ends: [number, number] = [0, 0];

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
    return this.resetBy !== undefined || (this.finished[0] && this.finished[1]);
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

  /** The FIN or RST of an endpoint, once each; `sequence` is the FIN's own. */
  onClose(index: 0 | 1, flags: number, sequence: number, packet: number, timeMs: number): void {
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
