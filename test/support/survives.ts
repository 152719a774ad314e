import { expect } from "vitest";
import { Problem } from "../../src/core/problem.js";

export const slowMs = 1000;
const mostBytes = 0x10000000;

/** Reads each within the time and all within the memory; nothing may be thrown but a Problem that `foresees` takes. */
export function survives(
  inputs: Iterable<Buffer>,
  read: (input: Buffer) => void,
  foresees: (problem: Problem) => void = () => {},
): void {
  withinMemory(() => {
    for (const input of inputs) {
      const startedMs = performance.now();
      try {
        read(input);
      } catch (error) {
        if (!(error instanceof Problem)) throw new Error(`input ${input.toString("hex")}`, { cause: error });
        foresees(error);
      }
      if (performance.now() - startedMs > slowMs) throw new Error(`slow: ${input.toString("hex")}`);
    }
  });
}

export function withinMemory(work: () => void): void {
  const startedBytes = process.memoryUsage().rss;
  work();
  expect(process.memoryUsage().rss - startedBytes).toBeLessThan(mostBytes);
}
