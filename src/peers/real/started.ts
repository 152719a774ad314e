/** What was started, stopped in the opposite order; one that fails to stop does not keep the others running. */
export class Started {
  readonly #parts: { stop(): Promise<unknown> }[] = [];

  keep<T extends { stop(): Promise<unknown> }>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  async stop(): Promise<void> {
    const failures: unknown[] = [];
    for (const part of this.#parts.splice(0).reverse()) {
      await part.stop().catch((failure: unknown) => failures.push(failure));
    }
    if (failures.length > 0) throw new AggregateError(failures, "cannot stop everything that was started");
  }
}
