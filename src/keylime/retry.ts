import { setTimeout as delay } from "node:timers/promises";
import { PeerError, type PeerErrorKind } from "../net/peer-errors.js";
import type { CallOptions } from "./types.js";

const passingKinds: readonly PeerErrorKind[] = ["refused", "unreachable", "dns", "reset", "closed"];
const defaultAttempts = 3;
const firstPauseMs = 100;

/**
 * Runs an idempotent call again when the peer could not be reached or says that it is unavailable, with growing,
 * jittered pauses, for as long as the caller's time lasts. Each attempt gets the time that is left.
 */
export async function retried<T extends { httpStatus: number }>(
  options: CallOptions,
  attempt: (left: CallOptions) => Promise<T>,
): Promise<T> {
  const deadlineMs = performance.now() + options.timeoutMs;
  const { attempts = defaultAttempts } = options;
  for (let number = 1; ; number++) {
    const pauseMs = firstPauseMs * 4 ** (number - 1) * (0.5 + Math.random());
    const mayRetry = number < attempts && performance.now() + pauseMs < deadlineMs;
    const left = { ...options, timeoutMs: Math.max(1, deadlineMs - performance.now()) };
    try {
      const answer = await attempt(left);
      if (!mayRetry || ![502, 503, 504].includes(answer.httpStatus)) return answer;
    } catch (error) {
      if (!mayRetry || !isPassing(error)) throw error;
    }
    // A call that is given up meanwhile is told so by the next attempt, in its own words.
    await delay(pauseMs, undefined, options.signal === undefined ? {} : { signal: options.signal }).catch(() => {});
  }
}

/** Whether another attempt, or another verifier, may succeed. */
export function isPassing(error: unknown): boolean {
  return error instanceof PeerError && passingKinds.includes(error.kind);
}
