/** A segment that arrived before the one in front of it; the bytes are its own copy. */
export interface HeldSegment {
  sequence: number;
  bytes: Buffer;
  /** Bytes behind these that the capture cut off. */
  cutBytes: number;
  packet: number;
  timeMs: number;
}

/** How much memory all connections of a trace may hold together for segments out of order. */
export class HoldBudget {
  readonly #limitBytes: number;
  bytes = 0;

  constructor(limitBytes = 0x2000000) {
    this.#limitBytes = limitBytes;
  }

  get isSpent(): boolean {
    return this.bytes > this.#limitBytes;
  }
}

/** A window's worth: what a sender has in flight without an acknowledgement rarely exceeds it. */
const maxHeldBytes = 0x40000;
/** What a held segment costs beside its bytes, so that empty ones are not free. */
const overheadBytes = 200;

/** Segments out of order of one direction, by sequence number. */
export class HeldSegments {
  readonly #budget: HoldBudget;
  #segments: HeldSegment[] = [];
  #bytes = 0;

  constructor(budget: HoldBudget) {
    this.#budget = budget;
  }

  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  /** More is held than one direction or the whole trace may: the hole in front has to be given up. */
  get isFull(): boolean {
    return this.#bytes > maxHeldBytes || (this.#budget.isSpent && this.#segments.length > 0);
  }

  get first(): HeldSegment | undefined {
    return this.#segments[0];
  }

  hold(segment: HeldSegment): void {
    let at = this.#segments.length;
    while (at > 0 && ((this.#segments[at - 1]!.sequence - segment.sequence) | 0) > 0) at--;
    this.#segments.splice(at, 0, segment);
    this.#count(segment.bytes.length + overheadBytes);
  }

  shift(): HeldSegment | undefined {
    const segment = this.#segments.shift();
    if (segment !== undefined) this.#count(-segment.bytes.length - overheadBytes);
    return segment;
  }

  clear(): void {
    this.#count(-this.#bytes);
    this.#segments = [];
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.bytes += bytes;
  }
}
