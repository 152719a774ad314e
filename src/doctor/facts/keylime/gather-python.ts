import { readlink } from "node:fs/promises";
import { basename, dirname, join, posix } from "node:path";
import { type Fact, known, unknown } from "../fact.js";
import { longestLinkChain, type Machine } from "../machine.js";
import type { ProcessFacts } from "../processes/process-facts.js";
import type { ServiceName } from "../processes/program.js";
import { interpreterOf } from "./interpreter-of.js";
import type { Starts } from "./service-environment.js";

/** Python's version, as far as it decides how its ssl module verifies. */
export interface PythonVersion {
  major: number;
  minor: number;
}

/** The Python programs of Keylime. */
export type PythonProgram = Extract<ServiceName, "keylime_verifier" | "keylime_registrar"> | "keylime_tenant";

/** Where packages and pip put executables; a virtual environment elsewhere is seen when it runs, or when a unit names it. */
const directories = ["/usr/local/bin", "/usr/bin", "/opt/keylime/bin", "/opt/keylime/venv/bin", "/opt/venv/bin"];

/** Which Python runs a service: of its process, else of its unit's or the installed executable. Nothing is executed. */
export async function gatherPython(
  machine: Machine,
  program: PythonProgram,
  { processes, units }: Starts,
): Promise<Fact<PythonVersion>> {
  const running = processes.find(({ service, isWorker }) => service === program && !isWorker);
  const unit = units.find(({ service }) => service === program);
  const commands = [running?.command ?? [], unit?.command ?? []];
  const starts = [...(running === undefined ? [] : executableOf(running)), ...commands.flatMap(pythonOf)];
  const scripts = [...commands.flatMap(scriptsOf), ...directories.map((each) => posix.join(each, program))];
  for (const path of starts) {
    const version = await versionOf(machine, path);
    if (version !== undefined) return known(version, path);
  }
  return await pythonOfScripts(machine, program, scripts);
}

async function pythonOfScripts(
  machine: Machine,
  program: PythonProgram,
  scripts: readonly string[],
): Promise<Fact<PythonVersion>> {
  for (const script of scripts) {
    const text = await machine.readText(script);
    if (!text.known) continue;
    const interpreter = interpreterOf(text.value);
    if (interpreter === undefined) return unknown("it names no Python that would run it", script);
    const paths = interpreter.includes("/") ? [interpreter] : directories.map((each) => posix.join(each, interpreter));
    for (const path of paths) {
      const version = await versionOf(machine, path);
      if (version !== undefined) return known(version, `${script}, run by ${path}`);
    }
    return unknown(`the version of ${interpreter}, which runs it, does not show`, script);
  }
  return unknown(`no ${program} was found`, directories.join(", "));
}

const executableOf = ({ executable }: ProcessFacts): string[] => (executable.known ? [executable.value] : []);
const isPython = (path: string): boolean => /^python[\d.]*$/.test(basename(path));
const pythonOf = (command: readonly string[]): string[] => command.slice(0, 1).filter(isPython);
const scriptsOf = (command: readonly string[]): string[] =>
  command.slice(0, 2).filter((each) => each.startsWith("/") && !isPython(each));

/** By the interpreter's own name, by the virtual environment around it, or by what its links lead to. */
async function versionOf(machine: Machine, interpreter: string): Promise<PythonVersion | undefined> {
  let path = interpreter;
  for (let links = 0; links < longestLinkChain; links++) {
    const version = ofName(path) ?? (await ofEnvironment(machine, path));
    if (version !== undefined) return version;
    const target = await linkTarget(machine, path);
    if (target === undefined) return undefined;
    path = posix.resolve(dirname(path), target);
  }
  return undefined;
}

function ofName(path: string): PythonVersion | undefined {
  const match = /^python(\d+)\.(\d+)$/.exec(basename(path));
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

/** `pyvenv.cfg` of venv (`version`) and virtualenv (`version_info`). */
async function ofEnvironment(machine: Machine, path: string): Promise<PythonVersion | undefined> {
  const text = await machine.readText(posix.join(dirname(path), "..", "pyvenv.cfg"));
  const match = text.known ? /^version(?:_info)? *= *(\d+)\.(\d+)/m.exec(text.value) : null;
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

async function linkTarget(machine: Machine, path: string): Promise<string | undefined> {
  try {
    return await readlink(join(machine.locate(dirname(path)), basename(path)));
  } catch {
    return undefined;
  }
}
