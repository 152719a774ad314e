import type { ClockSkew } from "./endpoint-facts.js";

/** A Date header is cut to the second, and some servers renew it only every half second. */
const grainMs = 1000;
const cacheMs = 500;

/** What a Date header proves about the peer's clock, given our times around the answer. */
export function clockSkew(dateMs: number, startMs: number, endMs: number): ClockSkew {
  return { leastMs: dateMs - endMs, mostMs: dateMs + grainMs + cacheMs - startMs };
}

/** What several answers prove together; undefined when they contradict each other, as behind a load balancer. */
export function commonSkew(skews: readonly ClockSkew[]): ClockSkew | undefined {
  if (skews.length === 0) return undefined;
  const leastMs = Math.max(...skews.map((each) => each.leastMs));
  const mostMs = Math.min(...skews.map((each) => each.mostMs));
  return leastMs <= mostMs ? { leastMs, mostMs } : undefined;
}
