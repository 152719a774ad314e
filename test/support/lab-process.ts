import { readdir, readFile } from "node:fs/promises";
import { type LabReport, labReport } from "../../src/lab/report-schema.js";
import { builtExecutable } from "./built-executable.js";
import { type Child, startChild } from "./child.js";
import { type TemporaryDirectory, temporaryDirectory } from "./temporary-directory.js";
import { until } from "./until.js";

/** A `spire-keylime lab` as a process of its own, whose temporary files and descendants can be told from all others. */
export interface LabProcess extends AsyncDisposable {
  readonly child: Child;
  /** Resolves when a text has been printed to either stream; rejects when the process ends without it. */
  printed(text: string): Promise<void>;
  /** The document of `--json`, checked against its schema. */
  report(): LabReport;
  /** Command lines of its descendants that still run, sorted. */
  descendants(): Promise<string[]>;
  /** What stands in its temporary directory. */
  temporaryFiles(): Promise<string[]>;
}

const untilPrintedMs = 90_000;
/** A variable whose value tells the descendants of one lab from everybody else. */
const mark = "SPIRE_KEYLIME_TEST_LAB";

export async function startLab(args: readonly string[], env: Record<string, string> = {}): Promise<LabProcess> {
  const temporary = await temporaryDirectory();
  const child = await startChild({
    command: process.execPath,
    args: [builtExecutable(), "lab", ...args],
    env: { ...env, TMPDIR: temporary.path, [mark]: temporary.path },
  });
  return {
    child,
    async printed(text) {
      const settled = await until(() => child.output().includes(text) || child.exit, {
        what: `the lab to print ${JSON.stringify(text)}`,
        timeoutMs: untilPrintedMs,
        intervalMs: 5,
        evidence: () => child.output(),
      });
      if (settled !== true) throw new Error(`the lab ended before ${JSON.stringify(text)}:\n${child.output()}`);
    },
    report: () => labReport.parse(JSON.parse(child.stdout())),
    descendants: () => descendants(temporary, child.pid),
    temporaryFiles: () => readdir(temporary.path),
    async [Symbol.asyncDispose]() {
      await child.stop();
      await temporary[Symbol.asyncDispose]();
    },
  };
}

/** Everything that the lab starts inherits the mark. */
async function descendants({ path }: TemporaryDirectory, itself: number): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== itself)) {
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
    if (!(await read("environ")).split("\0").includes(`${mark}=${path}`)) continue;
    const command = (await read("cmdline")).replaceAll("\0", " ");
    if (command !== "") found.push(command);
  }
  return found.sort();
}
