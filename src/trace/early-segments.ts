import type { SegmentReader } from "../formats/pcap/segment-reader.js";
import type { HoldBudget } from "./held-segments.js";

/** A segment as it stands in its packet. */
export type TcpSegment = Readonly<
  Pick<SegmentReader, "bytes" | "payloadStart" | "payloadEnd" | "cutBytes" | "sequence" | "acknowledged" | "flags">
>;

/** A segment that was captured before what it answers; its bytes are its own copy. */
export interface EarlySegment extends TcpSegment {
  from: 0 | 1;
  packet: number;
  timeMs: number;
}

/** Room for both sides' flights of a handshake with long certificate chains. */
const maxBytes = 0x10000;
/** What a segment costs beside its bytes. */
const overheadBytes = 200;

/** Segments of one connection that wait for the other side's bytes, in the order of the capture. */
export class EarlySegments {
  readonly #budget: HoldBudget;
  #segments: EarlySegment[] = [];
  #bytes = 0;

  constructor(budget: HoldBudget) {
    this.#budget = budget;
  }

  /** More is held than one connection or the whole trace may: what is waited for will not come. */
  get isFull(): boolean {
    return this.#bytes > maxBytes || this.#budget.isSpent;
  }

  hold(segment: EarlySegment): void {
    this.#segments.push(segment);
    this.#count(segment.bytes.length + overheadBytes);
  }

  /** Takes the first that `isDue`. */
  takeFirst(isDue: (segment: EarlySegment) => boolean): EarlySegment | undefined {
    const at = this.#segments.findIndex(isDue);
    if (at === -1) return undefined;
    const [segment] = this.#segments.splice(at, 1);
    this.#count(-segment!.bytes.length - overheadBytes);
    return segment;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.bytes += bytes;
  }
}
