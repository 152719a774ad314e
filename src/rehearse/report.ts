import { StatusCode } from "../goplugin/status-error.js";
import type { HalfOptions } from "./half.js";
import { median, percentile } from "./percentile.js";
import type { HalfReport, Rehearsal, RehearseOptions } from "./rehearse.js";
import type { RehearseReport } from "./report-schema.js";

export interface RehearsalWarning {
  /** A fault id. */
  id: string;
  message: string;
}

/** The rehearsal as the JSON document that other programs read. */
export function reportOf(
  rehearsal: Rehearsal,
  options: RehearseOptions & { trustDomain: string },
  warnings: readonly RehearsalWarning[],
): RehearseReport {
  const { first, attestations, failures } = rehearsal;
  const good = attestations.filter(({ failure }) => failure === undefined);
  const durations = good.map(({ durationMs }) => durationMs);
  return {
    schema: "spire-keylime/rehearse/v1",
    trust_domain: options.trustDomain,
    spiffe_id: first?.result?.spiffeId ?? null,
    selectors: first?.result?.selectors ?? [],
    can_reattest: first?.result?.canReattest ?? null,
    requested: options.count ?? 1,
    attested: good.length,
    failed: attestations.length - good.length,
    in_flight: options.inFlight ?? 1,
    interrupted: rehearsal.isInterrupted,
    stopped_because: rehearsal.stoppedBecause ?? null,
    p50_ms: rounded(median(durations)),
    p95_ms: rounded(percentile(durations, 0.95)),
    server_p50_ms: rounded(median(good.map(({ serverMs }) => serverMs))),
    agent_p50_ms: rounded(median(good.map(({ agentMs }) => agentMs))),
    per_second: good.length === 0 ? null : rounded((good.length / rehearsal.wallMs) * 1000),
    halves: {
      server: halfOf(options.server, rehearsal.halves.server),
      agent: halfOf(options.agent, rehearsal.halves.agent),
    },
    messages: (first?.messages ?? []).map(({ step, from, atMs, tookMs, bytes, facts }) => ({
      step,
      from,
      at_ms: rounded(atMs),
      took_ms: rounded(tookMs),
      bytes,
      facts,
    })),
    failures: failures.map(({ count, half, step, code, message, unheard, nextStep }) => ({
      count,
      half,
      step,
      ...statusOf({ code, message }),
      unheard: unheard === undefined ? null : statusOf(unheard),
      next_step: nextStep ?? null,
    })),
    warnings: [...warnings],
    attestations: attestations.map(({ durationMs, serverMs, agentMs, failure }) => ({
      attested: failure === undefined,
      duration_ms: rounded(durationMs),
      server_ms: rounded(serverMs),
      agent_ms: rounded(agentMs),
      failure: failure ?? null,
    })),
  };
}

function statusOf({ code, message }: { code: StatusCode; message: string }) {
  return { code: StatusCode[code] ?? String(code), code_number: code, message };
}

function halfOf(options: HalfOptions, report: HalfReport): RehearseReport["halves"]["server"] {
  return {
    name: options.name,
    command: [options.command, ...(options.args ?? [])],
    checksum: report.isChecksumVerified ? "verified" : "not configured",
    start_until_configured_ms: rounded(report.startUntilConfiguredMs),
    peak_memory_mb: rounded(report.peakMemoryMb ?? null),
    cpu_ms: report.cpuMs ?? null,
    stop_problem: report.complaint ?? null,
  };
}

function rounded(value: number): number;
function rounded(value: number | null): number | null;
function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 100) / 100;
}
