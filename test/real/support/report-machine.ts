import { readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { type Diagnosis, diagnose } from "../../../src/doctor/diagnose.js";
import { Machine } from "../../../src/doctor/facts/machine.js";
import { applyFix } from "../../../src/doctor/fix/apply-fix.js";
import { planFix } from "../../../src/doctor/fix/plan-fix.js";
import type { DoctorOptions } from "../../../src/doctor/options.js";
import { reportOf } from "../../../src/doctor/report.js";
import type { DoctorReport } from "../../../src/doctor/report-schema.js";
import { type FieldReportPki, fieldReportPki } from "../../../src/peers/pki/field-report-pki.js";
import { type Tree, writeTree } from "../../scenarios/support/machine-tree.js";
import { fieldReport, reportedData, serverConf, spireConf, verifierConf } from "../../scenarios/support/set-ups.js";
import { freePort } from "../../support/free-port.js";
import { type RealKeylime, type RealKeylimeOptions, startRealKeylime } from "./keylime.js";

export interface ReportMachineOptions {
  keylime?: Partial<Omit<RealKeylimeOptions, "dir" | "layout" | "ports" | "pki">>;
  /** Lines of the server's plugin_data, the verifier's port written as the report's 8881; the report's own without. */
  serverData?: readonly string[];
  /** What lies on the machine besides. */
  files?(pki: FieldReportPki): Tree | Promise<Tree>;
}

/** The report's machine below a directory of its own, and the real Keylime that runs from the files in it. */
export interface ReportMachine extends AsyncDisposable {
  readonly root: string;
  readonly pki: FieldReportPki;
  readonly keylime: RealKeylime;
  /** Where a file of the machine lies on this one. */
  file(path: string): string;
  examine(options?: Partial<DoctorOptions>): Promise<DoctorReport>;
  /** What --fix --yes does to the machine's files. */
  mend(): Promise<void>;
}

/** Its verifier.conf is what the report prints, laid over the defaults of Keylime's template. */
export async function startReportMachine(options: ReportMachineOptions = {}): Promise<ReportMachine> {
  const pki = await fieldReportPki();
  const ports = { verifier: await freePort(), registrarHttp: await freePort(), registrarTls: await freePort() };
  const data = (options.serverData ?? reportedData).map((line) => line.replace("8881", String(ports.verifier)));
  const tree = await writeTree(
    fieldReport(pki),
    { [serverConf]: spireConf("server", { data }), [verifierConf]: null },
    (await options.files?.(pki)) ?? {},
  );
  const file = (path: string): string => join(tree.root, path);
  const workDir = file("/var/lib/keylime");
  const layout = { workDir, tlsDir: file("/etc/keylime/certs"), configDir: file("/etc/keylime") };
  try {
    await leadBack(tree.root);
    const keylime = await startRealKeylime({
      dir: tree.root,
      layout,
      ports,
      pki,
      agentMtls: false,
      ...options.keylime,
    });
    const look = async (changes: Partial<DoctorOptions> = {}): Promise<Diagnosis> => {
      await showProcesses(tree.root, workDir);
      const named = { root: tree.root, serverConfig: serverConf, verifierConfig: file(verifierConf) };
      const given = { offline: false, only: [], skip: [], timeoutMs: 1500, nowMs: Date.now() };
      return await diagnose({ ...given, ...named, ...changes });
    };
    return {
      ...{ root: tree.root, pki, keylime, file },
      examine: async (changes) => reportOf(await look(changes), { version: "test", failOn: "error" }),
      mend: async () => {
        await applyFix(await planFix((await look()).ranked, new Machine(tree.root)), Date.now());
      },
      async [Symbol.asyncDispose]() {
        await keylime.stop();
        await tree[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await tree[Symbol.asyncDispose]();
    throw error;
  }
}

/** Keylime's configuration has the paths of this machine; below the directory they lead to the same files. */
async function leadBack(root: string): Promise<void> {
  await mkdir(dirname(root + root), { recursive: true });
  symlinkSync(relative(dirname(root + root), root), root + root);
}

/** The machine's /proc is this one's, with Keylime's own processes alone: tests beside this one run others. */
async function showProcesses(root: string, workDir: string): Promise<void> {
  const proc = join(root, "proc");
  rmSync(proc, { recursive: true, force: true });
  await mkdir(proc);
  const own = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && environmentOf(name).includes(workDir));
  for (const name of ["stat", "net", ...own]) symlinkSync(join("/proc", name), join(proc, name));
}

/** A process that ends while it is looked at is none. */
function environmentOf(pid: string): string {
  try {
    return readFileSync(join("/proc", pid, "environ"), "latin1");
  } catch {
    return "";
  }
}
