import type { SegmentReader } from "../formats/pcap/segment-reader.js";
import { HoldAccount, type HoldBudget } from "./held-segments.js";

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

/** Segments of one connection that wait for the other side's bytes, in the order of the capture. */
export class EarlySegments {
  readonly #account: HoldAccount;
  readonly #segments: EarlySegment[] = [];

  constructor(budget: HoldBudget) {
    this.#account = new HoldAccount(budget, maxBytes);
  }

  /** More is held than one connection or the whole trace may: what is waited for will not come. */
  get isFull(): boolean {
    return this.#account.isOverdrawn;
  }

  hold(segment: EarlySegment): void {
    this.#segments.push(segment);
    this.#account.take(segment);
  }

  /** Takes the first that `isDue`. */
  takeFirst(isDue: (segment: EarlySegment) => boolean): EarlySegment | undefined {
    const at = this.#segments.findIndex(isDue);
    if (at === -1) return undefined;
    const [segment] = this.#segments.splice(at, 1);
    this.#account.giveBack(segment!);
    return segment;
  }
}
