import { HeldSegments, type HoldBudget } from "./held-segments.js";

/** Takes the bytes of one direction in order. Views hold until the call returns. */
export interface StreamReceiver {
  onBytes(bytes: Buffer, start: number, end: number, packet: number, timeMs: number): void;
  /** Bytes that are missing for good: what follows does not join what came before. */
  onGap(): void;
  /** Takes `length` missing bytes as passed over when their content does not matter; false when it does. */
  canPass(length: number): boolean;
}

/** One direction of a TCP connection put back in order: loss, retransmission, overlap, reordering, wrap-around. */
export class TcpStream {
  readonly #receiver: StreamReceiver;
  readonly #budget: HoldBudget;
  #held: HeldSegments | undefined;
  /** Sequence number of the next byte in order; meaningless until the first segment. */
  #next = 0;
  #isStarted = false;
  #first = 0;
  #end = 0;
  /** What was acknowledged of this direction before anything of it was seen. */
  #acknowledgedUnseen: number | undefined;
  /** Bytes in order, missing for good, and seen more than once. */
  deliveredBytes = 0;
  lostBytes = 0;
  repeatedBytes = 0;
  isOutOfOrder = false;
  /** The capture began after the connection did. */
  isMidStream = false;
  /** Its FIN has been seen. */
  isFinished = false;

  constructor(receiver: StreamReceiver, budget: HoldBudget) {
    this.#receiver = receiver;
    this.#budget = budget;
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** It ends with a FIN, nothing before that is missing, and nothing is held beyond it. */
  get isWhole(): boolean {
    if (!this.isFinished || !this.#isStarted) return false;
    return ((this.#end - this.#next) | 0) <= 0 && (this.#held === undefined || this.#held.isEmpty);
  }

  /** The sequence number of its FIN: its bytes end there. */
  noteFin(sequence: number): void {
    this.isFinished = true;
    this.#end = sequence;
  }

  /** The other side has received everything before this sequence number: none of that is waited for when it was never seen. */
  noteAcknowledged(sequence: number): void {
    if (!this.#isStarted) this.#acknowledgedUnseen ??= sequence;
  }

  /** How many bytes before this sequence number may still come. */
  missingBefore(sequence: number): number {
    const from = this.#isStarted ? this.#next : (this.#acknowledgedUnseen ?? sequence);
    // A FIN takes a sequence number of its own.
    return Math.max(0, ((sequence - from) | 0) - (this.isFinished ? 1 : 0));
  }

  /** A SYN; false when it starts another connection over the same addresses and ports. */
  start(sequence: number): boolean {
    const next = (sequence + 1) >>> 0;
    if (this.#isStarted) return next === this.#first;
    this.#isStarted = true;
    this.#next = this.#first = next;
    return true;
  }

  /** `cutBytes` follow the payload on the wire and are not in the capture. */
  segment(
    bytes: Buffer,
    start: number,
    end: number,
    sequence: number,
    cutBytes: number,
    packet: number,
    timeMs: number,
  ): void {
    if (start === end && cutBytes === 0) return;
    if (!this.#isStarted) this.#startMidStream(sequence);
    const ahead = (sequence - this.#next) | 0;
    if (ahead > 0 && !this.#pass(ahead)) {
      const copy = Buffer.from(bytes.subarray(start, end));
      this.#hold(sequence, copy, cutBytes, packet, timeMs);
      return;
    }
    this.#deliver(bytes, start, end, sequence, cutBytes, packet, timeMs);
    if (this.#held !== undefined) this.#drain();
  }

  /** At the connection's end: what was held in vain is told as a gap and delivered behind it. */
  finish(): void {
    while (this.#held?.first !== undefined) this.#giveUpHole();
  }

  /** Forgets what is held; nothing is delivered afterwards that would need it. */
  discard(): void {
    this.#held?.clear();
  }

  #startMidStream(sequence: number): void {
    this.#isStarted = true;
    this.isMidStream = true;
    this.#next = this.#first = sequence;
  }

  #pass(length: number): boolean {
    if (!this.#receiver.canPass(length)) return false;
    this.#next = (this.#next + length) >>> 0;
    return true;
  }

  #hold(sequence: number, bytes: Buffer, cutBytes: number, packet: number, timeMs: number): void {
    this.isOutOfOrder = true;
    this.#held ??= new HeldSegments(this.#budget);
    this.#held.hold({ sequence, bytes, cutBytes, packet, timeMs });
    while (this.#held.isFull) this.#giveUpHole();
  }

  #deliver(
    bytes: Buffer,
    start: number,
    end: number,
    sequence: number,
    cutBytes: number,
    packet: number,
    timeMs: number,
  ): void {
    const seen = (this.#next - sequence) | 0;
    const length = end - start;
    if (seen > 0) this.repeatedBytes += Math.min(seen, length);
    if (seen < length) {
      this.deliveredBytes += length - seen;
      this.#next = (sequence + length) >>> 0;
      this.#receiver.onBytes(bytes, start + seen, end, packet, timeMs);
    }
    if (cutBytes > 0) this.#skipTo((sequence + length + cutBytes) >>> 0);
  }

  #drain(): void {
    for (;;) {
      const first = this.#held?.first;
      if (first === undefined) return;
      const ahead = (first.sequence - this.#next) | 0;
      if (ahead > 0 && !this.#pass(ahead)) return;
      this.#deliverHeld();
    }
  }

  #deliverHeld(): void {
    const segment = this.#held?.shift();
    if (segment === undefined) return;
    const { bytes, sequence, cutBytes, packet, timeMs } = segment;
    this.#deliver(bytes, 0, bytes.length, sequence, cutBytes, packet, timeMs);
  }

  #giveUpHole(): void {
    const first = this.#held?.first;
    if (first === undefined) return;
    this.#skipTo(first.sequence);
    this.#deliverHeld();
    this.#drain();
  }

  #skipTo(sequence: number): void {
    const length = (sequence - this.#next) | 0;
    if (length <= 0 || this.#pass(length)) return;
    this.lostBytes += length;
    this.#next = sequence;
    this.#receiver.onGap();
  }
}
