import type { Problem } from "../core/problem.js";
import { spareMemory } from "../core/spare-memory.js";
import { captureProblem } from "../formats/pcap/capture-problem.js";
import type { Packet, PacketSink } from "../formats/pcap/packet.js";
import { packetKinds, SegmentReader, tcpFlags } from "../formats/pcap/segment-reader.js";
import { Connection, type Endpoint } from "./connection.js";
import { ConnectionTable, type TableEntry } from "./connection-table.js";
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
  /** TCP packets the capture holds only the front of. */
  cut: number;
}

/** Late packets of a closed connection are still its own for this long, by the capture's clock. */
const lingerMs = 2000;
/** A connection that has been silent for this long, by the capture's clock, is told and forgotten. */
const idleMs = 600_000;
/** Connections open at the same time; beyond it the oldest is told and forgotten. */
const maxOpen = 8_000;
/** So many are open in no ordinary capture; from here on memory counts for more than time. */
const manyOpen = 1_000;
const maxProblems = 100;
/** How often, by the capture's clock, idle connections are looked for. */
const searchEveryMs = 30_000;

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
  /** In the order of their first packet, and in the order they closed, with the time. */
  readonly #open = new Set<TableEntry>();
  readonly #closing = new Map<TableEntry, number>();
  readonly #budget = new HoldBudget();
  #seen = 0;
  /** When `sweep` has something to do next: a connection to let go, or silent ones to look for. */
  #nextSweepMs = 0;
  #nextSearchMs = 0;

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
      if (packet.wireLength > packet.end - packet.start) counts.cut++;
      if (this.#isWanted()) this.#onSegment(packet);
    } else if (kind === packetKinds.other) counts.other++;
    else if (kind === packetKinds.fragment) counts.fragments++;
    else if (kind === packetKinds.unknownLink) counts.unknownLink++;
    else this.#onMalformed(packet);
    if (packet.timeMs >= this.#nextSweepMs) this.sweep(packet.timeMs);
  }

  /** Tells connections that closed or went silent long enough before `nowMs`. */
  sweep(nowMs: number): void {
    for (const [entry, closedMs] of this.#closing) {
      if (nowMs - closedMs < lingerMs) break;
      this.#forget(entry);
    }
    if (nowMs >= this.#nextSearchMs) this.#forgetSilent(nowMs);
    const [firstClosedMs = Number.POSITIVE_INFINITY] = this.#closing.values();
    // Not before some more may be due: a sweep for each connection that ends costs more than to keep it a moment longer.
    this.#nextSweepMs = Math.min(this.#nextSearchMs, Math.max(firstClosedMs + lingerMs, nowMs + lingerMs / 10));
  }

  #forgetSilent(nowMs: number): void {
    this.#nextSearchMs = nowMs + searchEveryMs;
    for (const entry of this.#open) {
      if (nowMs - (entry.connection?.lastTimeMs ?? 0) > idleMs) this.#forget(entry);
    }
  }

  /** At the end of the capture. */
  finish(): void {
    for (const entry of this.#open) this.#forget(entry);
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
    const { flags, sequence, payloadStart, payloadEnd } = segment;
    let entry = this.#table.find(segment);
    if (entry === undefined) {
      // A lone ACK or RST tells nothing of a connection that is over or began before the capture.
      if (payloadStart === payloadEnd && (flags & tcpFlags.syn) === 0) return;
      entry = this.#begin(timeMs);
    }
    if ((flags & tcpFlags.syn) !== 0 && this.#isAnother(entry)) {
      this.#forget(entry);
      entry = this.#begin(timeMs);
      entry.connection?.streams[0].start(sequence);
    }
    if (entry.connection !== undefined) this.#feed(entry, entry.connection, timeMs, number);
  }

  /** A SYN with another sequence number over the same addresses and ports. */
  #isAnother({ connection }: TableEntry): boolean {
    return connection?.streams[this.#table.foundIndex].start(this.#segment.sequence) !== true;
  }

  #feed(entry: TableEntry, connection: Connection, timeMs: number, packet: number): void {
    connection.packets++;
    if (timeMs > connection.lastTimeMs) connection.lastTimeMs = timeMs;
    connection.onSegment(this.#table.foundIndex, this.#segment, packet, timeMs);
    if ((this.#segment.flags & (tcpFlags.fin | tcpFlags.rst)) !== 0 && connection.isOver)
      this.#onOver(entry, connection, timeMs);
  }

  /** Told at once when nothing can come any more; the rest is told when stragglers have had their time. */
  #onOver(entry: TableEntry, connection: Connection, timeMs: number): void {
    if (!this.#closing.has(entry)) {
      this.#closing.set(entry, timeMs);
      this.#nextSweepMs = Math.min(this.#nextSweepMs, timeMs + lingerMs);
    }
    if (connection.isComplete) this.#tell(entry);
  }

  #begin(timeMs: number): TableEntry {
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
    const entry = this.#table.add(segment, connection);
    this.#open.add(entry);
    if (this.#open.size === manyOpen) spareMemory();
    return entry;
  }

  #endpoint(at: number, port: number): Endpoint {
    const { bytes, addressBytes } = this.#segment;
    const address = Buffer.allocUnsafe(addressBytes);
    bytes.copy(address, 0, at, at + addressBytes);
    return { address, port };
  }

  #evictOldest(): void {
    for (const entry of this.#open) {
      this.evicted++;
      this.#forget(entry);
      return;
    }
  }

  #forget(entry: TableEntry): void {
    this.#table.remove(entry);
    this.#closing.delete(entry);
    this.#tell(entry);
  }

  #tell(entry: TableEntry): void {
    const { connection } = entry;
    this.#open.delete(entry);
    if (connection === undefined) return;
    entry.connection = undefined;
    connection.finish();
    this.#options.onConnection(connection);
  }
}
