import type { TracedConnection } from "../../trace/report-schema.js";

const defaultHeld = 200;

/** Puts connections that end in any order back in the order they began, as far as a bounded number of them allows. */
export class InOrder {
  readonly #limit: number;
  readonly #print: (connections: readonly TracedConnection[]) => void;
  #held: TracedConnection[] = [];

  /** `limit` 0 prints at once. */
  constructor(limit: number | undefined, print: (connections: readonly TracedConnection[]) => void) {
    this.#limit = limit ?? defaultHeld;
    this.#print = print;
  }

  add(connection: TracedConnection): void {
    this.#held.push(connection);
    if (this.#held.length > this.#limit) this.#release(this.#limit >> 1);
  }

  flush(): void {
    this.#release(0);
  }

  #release(keep: number): void {
    this.#held.sort((a, b) => a.number - b.number);
    const released = this.#held.splice(0, this.#held.length - keep);
    if (released.length > 0) this.#print(released);
  }
}
