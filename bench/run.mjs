// Bundles a benchmark (TypeScript) into a temporary directory and runs it: `make bench`, or
// `node bench/run.mjs [attestation] --pair go=/path/to/server,/path/to/agent` `node bench/run.mjs doctor` and `node bench/run.mjs trace`.
// See docs/benchmarks.md.
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const entries = { attestation: "bench/bench.ts", doctor: "bench/doctor.ts", trace: "bench/trace.ts" };
const named = Object.hasOwn(entries, process.argv[2] ?? "");
const entry = named ? entries[process.argv[2]] : entries.attestation;
const directory = await mkdtemp(join(tmpdir(), "bench-"));
try {
  const outfile = join(directory, "bench.cjs");
  await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    logLevel: "warning",
  });
  const { status } = spawnSync(process.execPath, [outfile, ...process.argv.slice(named ? 3 : 2)], {
    stdio: "inherit",
    env: { ...process.env, BENCH_ROOT: root },
  });
  process.exitCode = status ?? 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}
