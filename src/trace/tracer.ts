import type { Problem } from "../core/problem.js";
import { captureProblem } from "../formats/pcap/capture-problem.js";
import type { Packet, PacketSink } from "../formats/pcap/capture-reader.js";
import { packetKinds, SegmentReader, tcpFlags } from "../formats/pcap/segment-reader.js";
import { Connection, type Endpoint } from "./connection.js";
import { ConnectionTable } from "./connection-table.js";
import { HoldBudget } from "./held-segments.js";
import { KeyLog } from "./key-log.js";

export interface TracerOptions {
  keyLog?: KeyLog;
  /** Told once per connection, when it is over or forgotten. */
  onConnection(connection: Connection): void;
  /** Only connections that use this port on either end. */
  port?: number;
  /** Only connections with this address on either end: 4 or 16 bytes. */
  address?: Buffer;
}

/** What was in the capture beside connections. */
export interface PacketCounts {
  packets: number;
  /** TCP segments, of connections that were filtered out too. */
  segments: number;
  /** Neither TCP nor malformed. */
  other: number;
  fragments: number;
  malformed: number;
  unknownLink: number;
  /** Packets the capture holds only the front of. */
  cut: number;
}

/** Late packets of a closed connection are still its own for this long, by the capture's clock. */
const lingerMs = 2000;
/** A connection that has been silent for this long, by the capture's clock, is told and forgotten. */
const idleMs = 600_000;
/** Connections open at the same time; beyond it the oldest is told and forgotten. */
const maxOpen = 50_000;
const maxProblems = 100;
/** How often, by the capture's clock, idle connections are looked for. */
const sweepEveryMs = 30_000;

/** Turns packets into connections. Memory is bounded: by the number of open connections and by what each may hold. */
export class Tracer implements PacketSink {
  readonly counts: PacketCounts = {
    packets: 0,
    segments: 0,
    other: 0,
    fragments: 0,
    malformed: 0,
    unknownLink: 0,
    cut: 0,
  };
  /** The first malformed packets. */
  readonly problems: Problem[] = [];
  readonly keyLog: KeyLog;
  /** Connections told before their end because there were too many. */
  evicted = 0;
  readonly #options: TracerOptions;
  readonly #segment = new SegmentReader();
  readonly #table = new ConnectionTable();
  /** In the order of their first packet, and in the order they closed. */
  readonly #open = new Set<Connection>();
  readonly #closing = new Set<Connection>();
  readonly #budget = new HoldBudget();
  #seen = 0;
  #nextSweepMs = 0;

  constructor(options: TracerOptions) {
    this.#options = options;
    this.keyLog = options.keyLog ?? new KeyLog();
  }

  onKeyLog(text: Buffer): void {
    this.keyLog.add(text.toString("latin1"));
  }

  onPacket(packet: Packet): void {
    const { counts } = this;
    counts.packets++;
    const kind = this.#segment.read(packet);
    if (kind === packetKinds.segment) {
      counts.segments++;
      if (this.#segment.cutBytes > 0) counts.cut++;
      if (this.#isWanted()) this.#onSegment(packet);
    } else if (kind === packetKinds.other) counts.other++;
    else if (kind === packetKinds.fragment) counts.fragments++;
    else if (kind === packetKinds.unknownLink) counts.unknownLink++;
    else this.#onMalformed(packet);
    if (this.#closing.size > 0 || packet.timeMs >= this.#nextSweepMs) this.sweep(packet.timeMs);
  }

  /** Tells connections that closed or went silent long enough before `nowMs`. */
  sweep(nowMs: number): void {
    for (const connection of this.#closing) {
      if (nowMs - connection.lastTimeMs < lingerMs) break;
      this.#tell(connection);
    }
    if (nowMs < this.#nextSweepMs) return;
    this.#nextSweepMs = nowMs + sweepEveryMs;
    for (const connection of this.#open) if (nowMs - connection.lastTimeMs > idleMs) this.#tell(connection);
  }

  /** At the end of the capture. */
  finish(): void {
    for (const connection of this.#open) this.#tell(connection);
  }

  #isWanted(): boolean {
    const { port, address } = this.#options;
    const segment = this.#segment;
    if (port !== undefined && segment.sourcePort !== port && segment.destinationPort !== port) return false;
    return address === undefined || this.#has(address, segment.sourceAt) || this.#has(address, segment.destinationAt);
  }

  #has(address: Buffer, at: number): boolean {
    const { bytes, addressBytes } = this.#segment;
    return address.length === addressBytes && address.compare(bytes, at, at + addressBytes) === 0;
  }

  #onMalformed(packet: Packet): void {
    this.counts.malformed++;
    if (this.problems.length < maxProblems) this.problems.push(captureProblem(this.#segment.problem, packet.number));
  }

  #onSegment({ timeMs, number }: Packet): void {
    const segment = this.#segment;
    const { bytes, flags, sequence, payloadStart, payloadEnd, cutBytes } = segment;
    let connection = this.#table.find(segment);
    if (connection === undefined) {
      // A lone ACK or RST tells nothing of a connection that is over or began before the capture.
      if (payloadStart === payloadEnd && (flags & tcpFlags.syn) === 0) return;
      connection = this.#begin(timeMs);
    }
    const index = this.#table.foundIndex;
    if ((flags & tcpFlags.syn) !== 0 && !connection.streams[index].start(sequence)) {
      this.#tell(connection);
      connection = this.#begin(timeMs);
      connection.streams[0].start(sequence);
    }
    this.#feed(connection, timeMs, number, bytes, payloadStart, payloadEnd, cutBytes);
  }

  #feed(
    connection: Connection,
    timeMs: number,
    packet: number,
    bytes: Buffer,
    start: number,
    end: number,
    cutBytes: number,
  ): void {
    const { flags, sequence } = this.#segment;
    const index = this.#table.foundIndex;
    connection.packets++;
    if (timeMs > connection.lastTimeMs) connection.lastTimeMs = timeMs;
    if (start < end || cutBytes > 0) {
      const dataSequence = (flags & tcpFlags.syn) === 0 ? sequence : (sequence + 1) >>> 0;
      connection.streams[index].segment(bytes, start, end, dataSequence, cutBytes, packet, timeMs);
    }
    if ((flags & (tcpFlags.fin | tcpFlags.rst)) !== 0) {
      connection.onClose(index, flags, packet, timeMs);
      if (connection.isOver) this.#closing.add(connection);
    }
  }

  #begin(timeMs: number): Connection {
    if (this.#open.size >= maxOpen) this.#evictOldest();
    const segment = this.#segment;
    const { flags, sourcePort, destinationPort } = segment;
    const isSyn = (flags & tcpFlags.syn) !== 0;
    const isAnswer = isSyn && (flags & tcpFlags.ack) !== 0;
    const clientIndex = isSyn ? (isAnswer ? 1 : 0) : sourcePort >= destinationPort ? 0 : 1;
    const connection = new Connection(
      ++this.#seen,
      [this.#endpoint(segment.sourceAt, sourcePort), this.#endpoint(segment.destinationAt, destinationPort)],
      clientIndex,
      timeMs,
      this.keyLog,
      this.#budget,
    );
    this.#table.add(connection);
    this.#open.add(connection);
    return connection;
  }

  #endpoint(at: number, port: number): Endpoint {
    const { bytes, addressBytes } = this.#segment;
    return { address: Buffer.from(bytes.subarray(at, at + addressBytes)), port };
  }

  #evictOldest(): void {
    for (const connection of this.#open) {
      this.evicted++;
      this.#tell(connection);
      return;
    }
  }

  #tell(connection: Connection): void {
    this.#table.remove(connection);
    this.#open.delete(connection);
    this.#closing.delete(connection);
    connection.finish();
    this.#options.onConnection(connection);
  }
}
