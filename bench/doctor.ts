import { execFile } from "node:child_process";
import { accessSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs, promisify } from "node:util";
import type { DoctorReport } from "../src/doctor/report-schema.js";
import { fieldReportPki } from "../src/peers/pki/field-report-pki.js";
import { startRealKeylime } from "../src/peers/real/keylime.js";
import { median } from "../src/rehearse/percentile.js";
import { startKeylimeWorld } from "../test/fakes/keylime-world.js";
import { writeTree } from "../test/scenarios/support/machine-tree.js";
import { fieldReport, reportedData, serverConf, spireConf } from "../test/scenarios/support/set-ups.js";
import { peerProgram } from "./peer-program.js";
import { measureProcess } from "./process-cost.js";

const usage = `usage: node bench/run.mjs doctor [--real-keylime] [--runs 10] [--json FILE]

Times \`doctor --root DIR\`, live, on the field report's set-up: both files as printed, certificates with its names, a verifier that trusts
no CA. The verifier is embedded, or the real one.`;

/** The set-up's verifier, which has no trust anchor for clients. */
interface Verifier {
  port: number;
  stop(): Promise<void>;
}

type Pki = Awaited<ReturnType<typeof fieldReportPki>>;

async function embedded(pki: Pki): Promise<Verifier> {
  const { chainPem: certPem, keyPem } = pki.verifier;
  const world = await startKeylimeWorld({
    pki,
    verifier: { tls: { certPem, keyPem, trustedClientCaPem: "" } },
    enrolled: false,
  });
  return { port: world.verifier.address.port, stop: async () => world[Symbol.asyncDispose]() };
}

async function real(pki: Pki): Promise<Verifier> {
  const dir = await mkdtemp(join(tmpdir(), "bench-"));
  const keylime = await startRealKeylime({
    programs: { verifier: peerProgram("keylime_verifier"), registrar: peerProgram("keylime_registrar") },
    dir,
    pki,
    agentMtls: true,
    trustedClientCa: null,
  });
  const stop = async () => {
    await keylime.stop();
    await rm(dir, { recursive: true, force: true });
  };
  return { port: keylime.ports.verifier, stop };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      "real-keylime": { type: "boolean", default: false },
      runs: { type: "string", default: "10" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return void process.stdout.write(`${usage}\n`);
  const executable = resolve(process.env.BENCH_ROOT ?? ".", "dist/spire-keylime.cjs");
  accessSync(executable);
  const pki = await fieldReportPki({ keyType: "rsa2048" });
  const verifier = await (values["real-keylime"] ? real : embedded)(pki);
  try {
    const data = reportedData.map((line) => line.replace('"8881"', `"${verifier.port}"`));
    await using tree = await writeTree(fieldReport(pki), { [serverConf]: spireConf("server", { data }) });
    const command = [executable, "doctor", "--root", tree.root, "--json"];
    await expectAnswer(command);
    const costs = [];
    for (let run = 0; run < Number(values.runs); run++)
      costs.push(await measureProcess(process.execPath, command, { exitCode: 1 }));
    const seconds = costs.map(({ elapsedMs }) => elapsedMs / 1000);
    const document = {
      schema: "spire-keylime/bench-doctor/v1",
      run: {
        keylime: values["real-keylime"] ? "real" : "embedded",
        machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}, Node ${process.versions.node}`,
        runs: costs.length,
      },
      elapsed_s: { median: rounded(median(seconds) ?? 0), worst: rounded(Math.max(...seconds)) },
      peak_mb: Math.round(Math.max(...costs.map(({ peakMb }) => peakMb))),
    };
    process.stdout.write(tableText(document));
    if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(document, undefined, 2)}\n`);
  } finally {
    await verifier.stop();
  }
}

/** A figure counts for the right answer only: both causes, and the verifier's own alert among the evidence. */
async function expectAnswer(command: readonly string[]): Promise<void> {
  const { stdout } = await promisify(execFile)(process.execPath, [...command]).catch((error: { stdout?: string }) => ({
    stdout: error.stdout ?? "",
  }));
  const causes = (JSON.parse(stdout) as DoctorReport).causes.map(({ id }) => id);
  const isRight = causes.join() === "plugin-unknown-key,verifier-trust-empty" && stdout.includes("alert 48 unknown_ca");
  if (!isRight) throw new Error(`the doctor did not find the report's causes live, but ${causes.join(", ") || "none"}`);
}

interface Told {
  run: { keylime: string; machine: string; runs: number };
  elapsed_s: { median: number; worst: number };
  peak_mb: number;
}

function tableText({ run, elapsed_s: { median: middle, worst }, peak_mb: peak }: Told): string {
  return `doctor on the field report's set-up, live, ${run.keylime} Keylime, ${run.machine}: ${middle} s (median of ${run.runs}), ${worst} s at worst, peak ${peak} MB\n`;
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
