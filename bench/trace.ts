import { accessSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { median } from "../src/rehearse/percentile.js";
import { measureProcess, type ProcessCost } from "./process-cost.js";
import { benchCapture } from "./trace-capture.js";

const usage = `usage: node bench/run.mjs trace [--file CAPTURE] [--gigabytes 1.1] [--rounds 3] [--json FILE]

Measures trace against \`tshark -r FILE -Y tls.handshake\` on the same file. Without --file a capture is made once, from
handshakes of Node's TLS with application data, and kept in the user's cache.`;

interface Contestant {
  name: string;
  command: string;
  args: readonly string[];
}

interface TraceDocument {
  schema: "spire-keylime/bench-trace/v1";
  run: { file: string; machine: string; rounds: number };
  /** Medians over the rounds; peak memory is the highest. */
  contestants: { name: string; cpu_s: number; elapsed_s: number; peak_mb: number }[];
  /** tshark's over ours: how many times faster. */
  ratios: { cpu: number; elapsed: number };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      file: { type: "string" },
      gigabytes: { type: "string", default: "1.1" },
      rounds: { type: "string", default: "3" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return void process.stdout.write(`${usage}\n`);
  const file = values.file ?? (await benchCapture(Number(values.gigabytes) * 1e9));
  const document = await measure(file, Number(values.rounds));
  process.stdout.write(tableText(document));
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(document, undefined, 2)}\n`);
}

async function measure(file: string, rounds: number): Promise<TraceDocument> {
  const executable = resolve(process.env.BENCH_ROOT ?? ".", "dist/spire-keylime.cjs");
  accessSync(executable);
  const contestants: Contestant[] = [
    { name: "trace", command: process.execPath, args: [executable, "trace", file] },
    { name: "tshark", command: "tshark", args: ["-r", file, "-Y", "tls.handshake"] },
  ];
  const costs = contestants.map((): ProcessCost[] => []);
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`round ${round} of ${rounds}\n`);
    for (const [i, { command, args }] of contestants.entries()) costs[i]!.push(await measureProcess(command, args));
  }
  const rows = contestants.map(({ name }, i) => ({ name, ...summaryOf(costs[i]!) }));
  const [ours, theirs] = [rows[0]!, rows[1]!];
  return {
    schema: "spire-keylime/bench-trace/v1",
    run: { file, machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`, rounds },
    contestants: rows,
    ratios: { cpu: rounded(theirs.cpu_s / ours.cpu_s), elapsed: rounded(theirs.elapsed_s / ours.elapsed_s) },
  };
}

function summaryOf(costs: readonly ProcessCost[]) {
  return {
    cpu_s: rounded(median(costs.map(({ cpuMs }) => cpuMs / 1000)) ?? 0),
    elapsed_s: rounded(median(costs.map(({ elapsedMs }) => elapsedMs / 1000)) ?? 0),
    peak_mb: Math.round(Math.max(...costs.map(({ peakMb }) => peakMb))),
  };
}

function tableText({ run, contestants, ratios }: TraceDocument): string {
  const rows = contestants.map(
    ({ name, cpu_s, elapsed_s, peak_mb }) =>
      `${name.padEnd(8)}${`${cpu_s} s`.padStart(12)}${`${elapsed_s} s`.padStart(12)}${`${peak_mb} MB`.padStart(12)}`,
  );
  return [
    `${run.file}, ${run.machine}; medians of ${run.rounds} rounds`,
    `${"".padEnd(8)}${"CPU".padStart(12)}${"elapsed".padStart(12)}${"peak".padStart(12)}`,
    ...rows,
    `trace is ${ratios.cpu} times as fast as tshark by CPU time, ${ratios.elapsed} times by the clock`,
    "",
  ].join("\n");
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
