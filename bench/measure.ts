import type { HalfOptions } from "../src/rehearse/half.js";
import { median, percentile } from "../src/rehearse/percentile.js";
import { type AttestationSummary, type Rehearsal, rehearse } from "../src/rehearse/rehearse.js";
import type { BenchNode } from "./world.js";

export interface Pair {
  name: string;
  server: readonly string[];
  agent: readonly string[];
}

/** One pair against one machine. */
export interface Contestant {
  label: string;
  pair: Pair;
  node: BenchNode;
}

/** One turn of one contestant: a pair is started anew for each. */
export interface Turn {
  p50Ms: number;
  p95Ms: number;
  perSecond: number;
  serverMs: number;
  agentMs: number;
  startMs: { server: number; agent: number };
  peakMb: { server: number; agent: number };
  /** Processor time of each half for one attestation, start included. */
  cpuMs: { server: number; agent: number };
}

/** The attestations a long-lived plugin makes in its first moment (connections, compilation) say little of the others. */
const warmUpShare = 0.2;

export async function takeTurn({ label, pair, node }: Contestant, count: number, inFlight: number): Promise<Turn> {
  const half = ([command, ...args]: readonly string[], data: string): HalfOptions => ({
    name: "keylime",
    command: command!,
    args,
    data,
  });
  const rehearsal = await rehearse({
    server: half(pair.server, node.serverData),
    agent: half(pair.agent, node.agentData),
    count,
    inFlight,
    timeoutMs: 30_000,
  });
  const failure = rehearsal.failures[0];
  if (failure !== undefined) throw new Error(`${label}: ${failure.count} attestations failed: ${failure.message}`);
  return turnOf(rehearsal);
}

function turnOf({ attestations, halves }: Rehearsal): Turn {
  const warm = attestations.slice(Math.floor(attestations.length * warmUpShare));
  const durations = warm.map(({ durationMs }) => durationMs);
  return {
    p50Ms: median(durations) ?? 0,
    p95Ms: percentile(durations, 0.95) ?? 0,
    perSecond: rate(attestations, warm.length),
    serverMs: median(warm.map(({ serverMs }) => serverMs)) ?? 0,
    agentMs: median(warm.map(({ agentMs }) => agentMs)) ?? 0,
    startMs: { server: halves.server.startUntilConfiguredMs, agent: halves.agent.startUntilConfiguredMs },
    peakMb: { server: halves.server.peakMemoryMb ?? 0, agent: halves.agent.peakMemoryMb ?? 0 },
    cpuMs: {
      server: (halves.server.cpuMs ?? 0) / attestations.length,
      agent: (halves.agent.cpuMs ?? 0) / attestations.length,
    },
  };
}

/** How many ended per second between the end of the warm-up and the end of all. */
function rate(attestations: readonly AttestationSummary[], warmCount: number): number {
  const ends = attestations.map(({ endedAtMs }) => endedAtMs);
  const from = ends[ends.length - warmCount - 1] ?? 0;
  const elapsedMs = ends.at(-1)! - from;
  return (warmCount / elapsedMs) * 1000;
}
