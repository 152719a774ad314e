import { median } from "../src/rehearse/percentile.js";
import type { Contestant, Turn } from "./measure.js";

export interface ContestantResult {
  contestant: Contestant;
  oneAtATime: Turn[];
  eightInFlight: Turn[];
}

export interface Figures {
  label: string;
  pair: string;
  one: { p50_ms: number; p95_ms: number; per_second: number };
  eight: { p50_ms: number; p95_ms: number; per_second: number };
  /** The verifier's share of one attestation: waiting for the server half, one at a time. */
  verifier_share_ms: number;
  agent_share_ms: number;
  start_until_configured_ms: { server: number; agent: number };
  peak_memory_mb: { server: number; agent: number };
  /** Eight in flight, start included. */
  cpu_ms: { server: number; agent: number };
  /** Verifier's share over the raw limit of all three requests. */
  share_of_raw: number;
}

/** Ours over another pair's, against the very same Keylime agent. */
export interface Ratios {
  other: string;
  /** Below 1 is faster. */
  time_one_at_a_time: number;
  /** Above 1 is more. */
  rate_eight_in_flight: number;
  verifier_share: number;
  start_until_configured: number;
  peak_memory: number;
  /** Both halves together. */
  cpu: number;
}

export interface Document {
  schema: "spire-keylime/bench/v1";
  run: { backend: string; machine: string; rounds: number; count: number };
  raw_limit: { all_ms: number; verify_ms: number; per_second_eight: number };
  pairs: Figures[];
  ratios: Ratios[];
}

/** Medians over the rounds; nothing is judged here. */
export function documentOf(
  run: Document["run"],
  limit: { allMs: number; verifyMs: number; perSecond: number },
  results: readonly ContestantResult[],
): Document {
  const pairs = results.map((result) => figuresOf(result, limit.allMs));
  const [ours, ...others] = pairs;
  const ratios = others.filter(({ pair }) => pair !== ours!.pair).map((other) => ratiosOf(ours!, other));
  return {
    schema: "spire-keylime/bench/v1",
    run,
    raw_limit: {
      all_ms: rounded(limit.allMs),
      verify_ms: rounded(limit.verifyMs),
      per_second_eight: rounded(limit.perSecond),
    },
    pairs,
    ratios,
  };
}

function figuresOf({ contestant, oneAtATime, eightInFlight }: ContestantResult, rawMs: number): Figures {
  const all = [...oneAtATime, ...eightInFlight];
  const of = (turns: readonly Turn[], read: (turn: Turn) => number) => rounded(median(turns.map(read)) ?? 0);
  const rate = (turns: readonly Turn[]) => ({
    p50_ms: of(turns, ({ p50Ms }) => p50Ms),
    p95_ms: of(turns, ({ p95Ms }) => p95Ms),
    per_second: of(turns, ({ perSecond }) => perSecond),
  });
  const share = of(oneAtATime, ({ serverMs }) => serverMs);
  return {
    label: contestant.label,
    pair: contestant.pair.name,
    one: rate(oneAtATime),
    eight: rate(eightInFlight),
    verifier_share_ms: share,
    agent_share_ms: of(oneAtATime, ({ agentMs }) => agentMs),
    start_until_configured_ms: {
      server: of(all, ({ startMs }) => startMs.server),
      agent: of(all, ({ startMs }) => startMs.agent),
    },
    peak_memory_mb: {
      server: rounded(Math.max(...all.map(({ peakMb }) => peakMb.server))),
      agent: rounded(Math.max(...all.map(({ peakMb }) => peakMb.agent))),
    },
    cpu_ms: {
      server: of(eightInFlight, ({ cpuMs }) => cpuMs.server),
      agent: of(eightInFlight, ({ cpuMs }) => cpuMs.agent),
    },
    share_of_raw: rounded(share / rawMs),
  };
}

function ratiosOf(ours: Figures, other: Figures): Ratios {
  const worst = ({ server, agent }: { server: number; agent: number }) => Math.max(server, agent);
  return {
    other: other.pair,
    time_one_at_a_time: rounded(ours.one.p50_ms / other.one.p50_ms),
    rate_eight_in_flight: rounded(ours.eight.per_second / other.eight.per_second),
    verifier_share: rounded(ours.verifier_share_ms / other.verifier_share_ms),
    start_until_configured: rounded(worst(ours.start_until_configured_ms) / worst(other.start_until_configured_ms)),
    peak_memory: rounded(worst(ours.peak_memory_mb) / worst(other.peak_memory_mb)),
    cpu: rounded((ours.cpu_ms.server + ours.cpu_ms.agent) / (other.cpu_ms.server + other.cpu_ms.agent)),
  };
}

export function tableText({ run, raw_limit: raw, pairs, ratios }: Document): string {
  const head = [
    "",
    "1: p50",
    "p95 ms",
    "per s",
    "8: p50",
    "p95 ms",
    "per s",
    "share ms",
    "× raw",
    "start ms",
    "peak MB",
    "CPU ms",
  ];
  const both = ({ server, agent }: { server: number; agent: number }) => `${Math.round(server)}/${Math.round(agent)}`;
  const rows = pairs.map((figures) => [
    figures.label,
    ...[figures.one, figures.eight].flatMap((of) => [
      of.p50_ms.toFixed(1),
      of.p95_ms.toFixed(1),
      of.per_second.toFixed(1),
    ]),
    figures.verifier_share_ms.toFixed(1),
    figures.share_of_raw.toFixed(2),
    both(figures.start_until_configured_ms),
    both(figures.peak_memory_mb),
    `${figures.cpu_ms.server.toFixed(1)}/${figures.cpu_ms.agent.toFixed(1)}`,
  ]);
  const compared = ratios.map(
    (ratio) =>
      `ours × of ${ratio.other}: time one at a time ${ratio.time_one_at_a_time}, rate at 8 in flight ${ratio.rate_eight_in_flight}, ` +
      `verifier's share ${ratio.verifier_share}, start ${ratio.start_until_configured}, memory ${ratio.peak_memory}, processor time ${ratio.cpu}`,
  );
  return [
    `${run.backend}, ${run.machine}; medians of ${run.rounds} rounds of ${run.count} and ${run.count * 3} attestations`,
    `raw limit: ${raw.all_ms.toFixed(1)} ms for the three requests, ${raw.verify_ms.toFixed(1)} ms of them the verification of the quote; with eight in flight ${raw.per_second_eight.toFixed(0)} per second`,
    "",
    ...table([head, ...rows]),
    "",
    "share: the verifier's share of one attestation; start, peak and CPU per attestation: server half/agent half",
    ...compared,
    "",
  ].join("\n");
}

function table(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("  "),
  );
}

const rounded = (value: number): number => Math.round(value * 100) / 100;
