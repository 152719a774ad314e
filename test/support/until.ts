import { setTimeout as sleep } from "node:timers/promises";

export interface UntilOptions {
  /** What is waited for, as the end of the sentence "waited 5000ms for …". */
  what: string;
  timeoutMs?: number;
  intervalMs?: number;
  /** More to say when the time is up: the log of the peer that should have moved. */
  evidence?: () => string;
}

type Settled<T> = Exclude<T, undefined | null | false>;

/**
 * Polls until the condition returns something other than false, null or undefined, and returns that. A throw counts as
 * "not yet"; the last one ends up in the error when the time is up.
 */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions): Promise<Settled<T>> {
  const { what, timeoutMs = 10_000, intervalMs = 50, evidence } = options;
  const deadline = performance.now() + timeoutMs;
  let last: { value?: unknown; error?: unknown } = {};
  for (;;) {
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) return value as Settled<T>;
      last = { value };
    } catch (error) {
      last = { error };
    }
    if (performance.now() >= deadline) throw tooLate(what, timeoutMs, last, evidence);
    await sleep(intervalMs);
  }
}

function tooLate(
  what: string,
  timeoutMs: number,
  last: { value?: unknown; error?: unknown },
  evidence: (() => string) | undefined,
): Error {
  const why = "error" in last ? `: ${last.error instanceof Error ? last.error.message : String(last.error)}` : "";
  const more = evidence === undefined ? "" : `\n${evidence()}`;
  return new Error(`waited ${timeoutMs}ms for ${what}${why}${more}`, { cause: last.error });
}
