import { stat } from "node:fs/promises";
import { Problem } from "../../core/problem.js";
import { checks } from "../../doctor/checks/index.js";
import { diagnose } from "../../doctor/diagnose.js";
import { Accounts } from "../../doctor/facts/files/accounts.js";
import { Machine } from "../../doctor/facts/machine.js";
import type { DoctorOptions } from "../../doctor/options.js";
import { reportOf } from "../../doctor/report.js";
import { selectChecks } from "../../doctor/run.js";
import type { FaultId } from "../../faults/faults.js";
import { exitCodes, type Io } from "../io.js";
import { checkListText } from "../render/doctor/check-list.js";
import { doctorText } from "../render/doctor/doctor-text.js";
import { explanationText } from "../render/doctor/explanation.js";
import { styleFor } from "../render/style.js";
import { type Examination, writeOutputs } from "./doctor-outputs.js";
import type { DoctorOutputs } from "./doctor-outputs-options.js";

export interface DoctorCommandOptions extends DoctorOutputs {
  serverConfig?: string;
  agentConfig?: string;
  verifierConfig?: string;
  registrarConfig?: string;
  tenantConfig?: string;
  keylimeAgentConfig?: string;
  name?: string;
  expandEnv?: boolean;
  root?: string;
  offline?: boolean;
  rehearse?: boolean;
  asUser?: string;
  only?: FaultId[];
  skip?: FaultId[];
  timeout: number;
  json?: boolean;
  verbose?: boolean;
  explainHandshake?: boolean;
  failOn: "error" | "warning" | "info";
  listChecks?: boolean;
  explain?: FaultId;
  fix?: boolean;
  yes?: boolean;
}

const version = process.env.SPIRE_KEYLIME_VERSION ?? "development";

/** @returns the exit code */
export async function runDoctor(options: DoctorCommandOptions, io: Io): Promise<number> {
  const style = styleFor(io);
  if (options.explain !== undefined) {
    io.out(explanationText(options.explain, style));
    return exitCodes.ok;
  }
  if (options.listChecks) {
    io.out(checkListText(selectChecks(checks, selection(options)), style));
    return exitCodes.ok;
  }
  if (options.root !== undefined) await requireDirectory(options.root);
  await requireNamedFiles(options);
  await requireKnownUser(options);
  const examine = () => examination(options, io);
  const present = async (found: Examination) => {
    printReport(found, options, io);
    await writeOutputs(options, found, io);
  };
  if (options.fix) {
    const { runDoctorFix } = await import("./doctor-fix-run.js");
    return await runDoctorFix(options, { examine, present }, io);
  }
  const found = await examine();
  await present(found);
  return found.report.exit_code;
}

/** A misspelt path must not end in an all-clear about the files that were found instead. */
async function requireNamedFiles(options: DoctorCommandOptions): Promise<void> {
  const { root, serverConfig, agentConfig, verifierConfig, registrarConfig, tenantConfig, keylimeAgentConfig } =
    options;
  const named = {
    "--server-config": serverConfig,
    "--agent-config": agentConfig,
    "--verifier-config": verifierConfig,
    "--registrar-config": registrarConfig,
    "--tenant-config": tenantConfig,
    "--keylime-agent-config": keylimeAgentConfig,
  };
  const machine = new Machine(root);
  for (const [option, file] of Object.entries(named)) {
    if (file === undefined) continue;
    const located = machine.locate(file);
    const code = await stat(located).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    );
    if (code !== "ENOENT" && code !== "ENOTDIR") continue;
    throw new Problem("usage", `cannot read ${JSON.stringify(located)} (${option}): no such file`, {
      culprit: "usage",
      hint: "correct the path, or leave the option out to have the file looked for",
    });
  }
}

/** A misspelt user can read nothing and be refused nothing: every check of rights would be left unsaid. */
async function requireKnownUser({ root, asUser }: DoctorCommandOptions): Promise<void> {
  if (asUser === undefined) return;
  const user = (await Accounts.read(new Machine(root))).user(asUser, "--as-user");
  if (user.known) return;
  throw new Problem("usage", `cannot judge for ${JSON.stringify(asUser)} (--as-user): ${user.reason}`, {
    culprit: "usage",
    hint: "correct the name, or give its number, which `id -u NAME` tells where it is known",
  });
}

async function examination(options: DoctorCommandOptions, io: Io): Promise<Examination> {
  const { failOn } = options;
  const diagnosis = await diagnose(doctorOptions(options, io));
  return { diagnosis, report: reportOf(diagnosis, { version, failOn }), failOn };
}

function printReport({ report }: Examination, options: DoctorCommandOptions, io: Io): void {
  const { verbose: isVerbose = false, explainHandshake: isHandshakeExplained = false } = options;
  const text = options.json
    ? `${JSON.stringify(report, undefined, 2)}\n`
    : doctorText(report, styleFor(io), { isVerbose, isHandshakeExplained });
  io.out(text);
}

function selection({ only = [], skip = [] }: DoctorCommandOptions): Pick<DoctorOptions, "only" | "skip"> {
  return { only, skip };
}

function doctorOptions(options: DoctorCommandOptions, io: Io): DoctorOptions {
  const { root, serverConfig, agentConfig, verifierConfig, registrarConfig, tenantConfig, keylimeAgentConfig } =
    options;
  const { name: pluginName, asUser } = options;
  const asked = {
    root,
    serverConfig,
    agentConfig,
    verifierConfig,
    registrarConfig,
    tenantConfig,
    keylimeAgentConfig,
    pluginName,
    asUser,
  };
  return {
    ...Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)),
    ...(options.expandEnv ? { expandEnv: io.env } : {}),
    ...selection(options),
    offline: options.offline === true,
    rehearse: options.rehearse === true,
    timeoutMs: options.timeout,
    nowMs: Date.now(),
    signal: io.interrupted,
  };
}

async function requireDirectory(root: string): Promise<void> {
  const isDirectory = await stat(root).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (isDirectory) return;
  const hint = "name the directory that holds the copied machine's etc, opt and var";
  throw new Problem("usage", `--root ${JSON.stringify(root)} is no directory`, { culprit: "usage", hint });
}
