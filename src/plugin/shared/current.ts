/**
 * One value that is replaced while it is in use: whoever began with the old value ends with it, and it is closed when the
 * last of them has. Configure may run while attestations do.
 */
export class Current<T extends { close(): void }> {
  #slot: { value: T; users: number; retired: boolean } | undefined;

  replace(value: T | undefined): void {
    const old = this.#slot;
    this.#slot = value === undefined ? undefined : { value, users: 0, retired: false };
    if (old === undefined) return;
    old.retired = true;
    if (old.users === 0) old.value.close();
  }

  /** Runs `work` with the value of this moment; undefined when there is none yet. */
  async use<R>(work: (value: T | undefined) => Promise<R>): Promise<R> {
    const slot = this.#slot;
    if (slot === undefined) return await work(undefined);
    slot.users++;
    try {
      return await work(slot.value);
    } finally {
      slot.users--;
      if (slot.retired && slot.users === 0) slot.value.close();
    }
  }
}
