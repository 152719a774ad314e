import { setFlagsFromString } from "node:v8";

/**
 * V8 is to collect early rather than to let its heap grow, at the cost of time: for a plugin, which is small and lives as long
 * as SPIRE (Node 20, 3000 attestations, eight in flight: 80 MB resident instead of 137), and for a trace of thousands of
 * open connections. A flag that a version of V8 does not know is passed over.
 */
export function spareMemory(): void {
  setFlagsFromString("--optimize-for-size");
  setFlagsFromString("--semi-space-growth-factor=1");
}
