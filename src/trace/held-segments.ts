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

/** What a held segment costs beside its bytes, so that empty ones are not free. */
const overheadBytes = 200;

/** What one holder of segments has of the budget that all share. */
export class HoldAccount {
  readonly #budget: HoldBudget;
  readonly #limitBytes: number;
  #bytes = 0;

  constructor(budget: HoldBudget, limitBytes: number) {
    this.#budget = budget;
    this.#limitBytes = limitBytes;
  }

  /** This holder has more than it may, or all together have and it has a part in that. */
  get isOverdrawn(): boolean {
    return this.#bytes > this.#limitBytes || (this.#budget.isSpent && this.#bytes > 0);
  }

  take({ bytes }: { bytes: Buffer }): void {
    this.#count(bytes.length + overheadBytes);
  }

  giveBack({ bytes }: { bytes: Buffer }): void {
    this.#count(-bytes.length - overheadBytes);
  }

  giveBackAll(): void {
    this.#count(-this.#bytes);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.bytes += bytes;
  }
}

/** A window's worth: what a sender has in flight without an acknowledgement rarely exceeds it. */
const maxHeldBytes = 0x40000;

/** Segments out of order of one direction, by sequence number. */
export class HeldSegments {
  readonly #account: HoldAccount;
  #segments: HeldSegment[] = [];

  constructor(budget: HoldBudget) {
    this.#account = new HoldAccount(budget, maxHeldBytes);
  }

  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  /** More is held than one direction or the whole trace may: the hole in front has to be given up. */
  get isFull(): boolean {
    return this.#account.isOverdrawn;
  }

  get first(): HeldSegment | undefined {
    return this.#segments[0];
  }

  hold(segment: HeldSegment): void {
    let at = this.#segments.length;
    while (at > 0 && ((this.#segments[at - 1]!.sequence - segment.sequence) | 0) > 0) at--;
    this.#segments.splice(at, 0, segment);
    this.#account.take(segment);
  }

  shift(): HeldSegment | undefined {
    const segment = this.#segments.shift();
    if (segment !== undefined) this.#account.giveBack(segment);
    return segment;
  }

  clear(): void {
    this.#account.giveBackAll();
    this.#segments = [];
  }
}
