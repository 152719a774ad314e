import { setTimeout as pause } from "node:timers/promises";
import { Problem } from "../core/problem.js";

/** Looks every 25 ms until there is an answer. A lab that waits for ever teaches nothing. */
export async function waitFor<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  { timeoutMs = 20_000, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<T> {
  const giveUpAtMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > giveUpAtMs) {
      throw new Problem("lab-wait", `waited ${timeoutMs / 1000} s in vain for ${what}`, { culprit: "ours" });
    }
    await pause(25, undefined, { signal });
  }
}
