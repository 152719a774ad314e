import { tcpFlags } from "../formats/pcap/segment-reader.js";
import { type EarlySegment, EarlySegments, type TcpSegment } from "./early-segments.js";
import type { HoldBudget } from "./held-segments.js";
import type { TcpStream } from "./tcp-stream.js";

/** Takes a segment of an endpoint; a segment that was not held is a view that holds until the call returns. */
export type TakeSegment = (from: 0 | 1, segment: TcpSegment, packet: number, timeMs: number) => void;

/** Bytes of both sides together within which segments are put in order: room for the handshake. */
const orderedBytes = 0x10000;

/**
 * Puts the segments of both directions in the order of cause and effect while a connection begins: one that acknowledges
 * bytes of the other side which the capture shows only later waits for them. Interfaces and queues are captured each for
 * itself, and a client's flight that comes before the ServerHello cannot be read.
 */
export class CauseOrder {
  readonly #streams: readonly [TcpStream, TcpStream];
  readonly #budget: HoldBudget;
  readonly #take: TakeSegment;
  #early: EarlySegments | undefined;
  #isStopped = false;

  /** `take` feeds the streams: how far they have come decides what is due. */
  constructor(streams: readonly [TcpStream, TcpStream], budget: HoldBudget, take: TakeSegment) {
    this.#streams = streams;
    this.#budget = budget;
    this.#take = take;
  }

  push(from: 0 | 1, segment: TcpSegment, packet: number, timeMs: number): void {
    if (this.#isStopped) {
      this.#take(from, segment, packet, timeMs);
      return;
    }
    if ((segment.flags & tcpFlags.ack) !== 0) this.#other(from).noteAcknowledged(segment.acknowledged);
    if (isSilent(segment)) return;
    if (this.#isAhead(from, segment)) {
      this.#hold(from, segment, packet, timeMs);
      return;
    }
    this.#take(from, segment, packet, timeMs);
    this.#takeDue();
  }

  /** What still waits is taken as it was captured, and all that follows too. */
  stop(): void {
    this.#isStopped = true;
    this.#takeEarly(() => true);
    this.#early = undefined;
  }

  #other(from: 0 | 1): TcpStream {
    return this.#streams[from === 0 ? 1 : 0];
  }

  /** What it answers has not been read yet. Without its own SYN a stream is not in the capture from its start. */
  #isAhead(from: 0 | 1, { flags, acknowledged }: TcpSegment): boolean {
    const own = this.#streams[from];
    if ((flags & tcpFlags.ack) === 0 || !own.isStarted || own.isMidStream) return false;
    return this.#other(from).missingBefore(acknowledged) > 0;
  }

  #hold(from: 0 | 1, segment: TcpSegment, packet: number, timeMs: number): void {
    const { payloadStart, payloadEnd, sequence, acknowledged, cutBytes, flags } = segment;
    const bytes = Buffer.from(segment.bytes.subarray(payloadStart, payloadEnd));
    const own = { bytes, payloadStart: 0, payloadEnd: bytes.length, sequence, acknowledged, cutBytes, flags };
    this.#early ??= new EarlySegments(this.#budget);
    this.#early.hold({ ...own, from, packet, timeMs });
    if (this.#early.isFull) this.stop();
  }

  #takeDue(): void {
    if (this.#early !== undefined) this.#takeEarly((early) => !this.#isAhead(early.from, early));
    const [one, other] = this.#streams;
    if (one.deliveredBytes + other.deliveredBytes > orderedBytes) this.stop();
  }

  #takeEarly(isDue: (segment: EarlySegment) => boolean): void {
    for (;;) {
      const early = this.#early?.takeFirst(isDue);
      if (early === undefined) return;
      this.#take(early.from, early, early.packet, early.timeMs);
    }
  }
}

/** It carries nothing and closes nothing. */
function isSilent({ payloadStart, payloadEnd, cutBytes, flags }: TcpSegment): boolean {
  return payloadStart === payloadEnd && cutBytes === 0 && (flags & (tcpFlags.fin | tcpFlags.rst)) === 0;
}
