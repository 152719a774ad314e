import { setTimeout as sleep } from "node:timers/promises";
import { errorText, Problem } from "../../core/problem.js";

export interface UntilOptions {
  /** What is waited for, as the end of the sentence "waited 5000 ms for …". */
  what: string;
  timeoutMs?: number;
  intervalMs?: number;
  /** More to say when the time is up: the log of the peer that should have moved. */
  evidence?: () => string;
  /** Aborted: the wait rejects with its reason at once. */
  signal?: AbortSignal;
}

type Settled<T> = Exclude<T, undefined | null | false>;

/**
 * Polls until the condition returns something other than false, null or undefined, and returns that. A throw counts as
 * "not yet"; the last one ends up in the error when the time is up.
 * @throws Problem `wait-timeout`
 */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions): Promise<Settled<T>> {
  const { what, timeoutMs = 10_000, intervalMs = 50, evidence, signal } = options;
  const deadline = performance.now() + timeoutMs;
  let last: { value?: unknown; error?: unknown } = {};
  for (;;) {
    signal?.throwIfAborted();
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) return value as Settled<T>;
      last = { value };
    } catch (error) {
      last = { error };
    }
    if (performance.now() >= deadline) throw tooLate(what, timeoutMs, last, evidence);
    await sleep(intervalMs, undefined, { signal });
  }
}

function tooLate(
  what: string,
  timeoutMs: number,
  last: { value?: unknown; error?: unknown },
  evidence: (() => string) | undefined,
): Problem {
  const why = "error" in last ? `: ${errorText(last.error)}` : "";
  const more = evidence === undefined ? "" : `\n${evidence()}`;
  return new Problem("wait-timeout", `waited ${timeoutMs} ms for ${what}${why}${more}`, {
    culprit: "peer",
    cause: last.error,
  });
}
