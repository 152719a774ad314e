import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { errorText } from "../../../core/problem.js";
import { type Fact, known, unknown } from "../fact.js";
import { whyUnreadable } from "../machine.js";
import { shownCommand, shownValue } from "./hidden-values.js";
import { type ListeningSocket, parseListeningSockets } from "./listening-sockets.js";
import type { ProcessFacts } from "./process-facts.js";
import { serviceOf } from "./program.js";

/** The kernel's USER_HZ, 100 on every Linux since 2.6. */
const ticksPerSecond = 100;
const mostProcesses = 65_536;

/** The services that run on this machine, oldest first, or below `root` when a copied machine has a /proc. */
export async function gatherProcesses(root: string): Promise<Fact<ProcessFacts[]>> {
  const proc = join(root, "proc");
  try {
    const bootMs = bootTimeMs(await readFile(join(proc, "stat"), "latin1"));
    if (bootMs === undefined) return unknown("it names no boot time", join(proc, "stat"));
    const pids = (await readdir(proc)).filter((name) => /^\d+$/.test(name)).slice(0, mostProcesses);
    const machine: Machine = { proc, bootMs, names: await userNames(root), sockets: await listeningSockets(proc) };
    const found = await Promise.all(pids.map((pid) => readProcess(machine, pid)));
    const processes = found.filter((each) => each !== undefined).sort((a, b) => a.startedMs - b.startedMs);
    return known(withWorkers(processes), proc);
  } catch (error) {
    return unknown(whyUnreadable(error), proc);
  }
}

interface Machine {
  proc: string;
  bootMs: number;
  names: ReadonlyMap<number, string>;
  sockets: readonly ListeningSocket[];
}

function bootTimeMs(stat: string): number | undefined {
  const seconds = /^btime (\d+)$/m.exec(stat)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/** A process that ends while it is read is none. */
async function readProcess(machine: Machine, pid: string): Promise<ProcessFacts | undefined> {
  const directory = join(machine.proc, pid);
  try {
    const command = (await readFile(join(directory, "cmdline"), "utf8")).split("\0").slice(0, -1);
    const service = serviceOf(command);
    if (service === undefined) return undefined;
    const [stat, status] = await Promise.all([
      readFile(join(directory, "stat"), "latin1"),
      readFile(join(directory, "status"), "latin1"),
    ]);
    const descriptors = await openDescriptors(directory);
    const { parentPid, startTicks } = parseStat(stat);
    const { uid, gid, groups } = parseStatus(status);
    return {
      service,
      pid: Number(pid),
      parentPid,
      isWorker: false,
      startedMs: machine.bootMs + (startTicks * 1000) / ticksPerSecond,
      uid,
      gid,
      groups,
      user: machine.names.get(uid),
      command: shownCommand(command),
      executable: map(await readTarget(join(directory, "exe")), (path) => path.replace(/ \(deleted\)$/, "")),
      environment: await readEnvironment(join(directory, "environ")),
      workingDirectory: await readTarget(join(directory, "cwd")),
      openConfiguration: map(descriptors, configurationFiles),
      listens: map(descriptors, (targets) => listensOf(targets, machine.sockets)),
    };
  } catch {
    return undefined;
  }
}

function withWorkers(processes: readonly ProcessFacts[]): ProcessFacts[] {
  return processes.map((each) => ({
    ...each,
    isWorker: processes.some(({ pid, service }) => pid === each.parentPid && service === each.service),
  }));
}

/** proc(5): the command stands in parentheses and may hold any of the separators. */
function parseStat(text: string): { parentPid: number; startTicks: number } {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { parentPid: Number(fields[1]), startTicks: Number(fields[19]) };
}

/** Real, effective, saved and file-system ids stand in a row; the last decides over files. */
function parseStatus(text: string): Pick<ProcessFacts, "uid" | "gid" | "groups"> {
  const numbers = (name: string): number[] =>
    (new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(text)?.[1] ?? "").split(/\s+/).filter(Boolean).map(Number);
  return { uid: numbers("Uid")[3] ?? -1, gid: numbers("Gid")[3] ?? -1, groups: numbers("Groups") };
}

async function readEnvironment(path: string): Promise<Fact<Record<string, string>>> {
  try {
    const entries = (await readFile(path, "utf8")).split("\0").flatMap((each): [string, string][] => {
      const [name, ...rest] = each.split("=");
      return name!.startsWith("KEYLIME_") ? [[name!, shownValue(name!, rest.join("="))]] : [];
    });
    return known(Object.fromEntries(entries), path);
  } catch (error) {
    return unknown(errorText(error), path);
  }
}

async function readTarget(path: string): Promise<Fact<string>> {
  try {
    return known(await readlink(path), path);
  } catch (error) {
    return unknown(errorText(error), path);
  }
}

async function openDescriptors(directory: string): Promise<Fact<string[]>> {
  const path = join(directory, "fd");
  try {
    const names = await readdir(path);
    // A descriptor that is closed meanwhile is not open.
    const targets = await Promise.all(names.map((name) => readlink(join(path, name)).catch(() => "")));
    return known(targets, path);
  } catch (error) {
    return unknown(errorText(error), path);
  }
}

function map<T, U>(fact: Fact<T>, change: (value: T) => U): Fact<U> {
  return fact.known ? known(change(fact.value), fact.source) : fact;
}

function configurationFiles(targets: readonly string[]): string[] {
  return [...new Set(targets.filter((each) => /\.(conf|hcl|json|toml)$/.test(each)))].sort();
}

function listensOf(targets: readonly string[], sockets: readonly ListeningSocket[]) {
  const inodes = new Set(targets.map((each) => /^socket:\[(\d+)\]$/.exec(each)?.[1]));
  return sockets.filter(({ inode }) => inodes.has(inode)).map(({ address, port }) => ({ address, port }));
}

async function listeningSockets(proc: string): Promise<ListeningSocket[]> {
  const texts = await Promise.all(
    ["tcp", "tcp6"].map((name) => readFile(join(proc, "net", name), "latin1").catch(() => "")),
  );
  return texts.flatMap(parseListeningSockets);
}

async function userNames(root: string): Promise<Map<number, string>> {
  const text = await readFile(join(root, "etc/passwd"), "utf8").catch(() => "");
  const rows = text.split("\n").map((line) => line.split(":"));
  return new Map(rows.filter(([, , uid]) => uid !== undefined).map(([name, , uid]) => [Number(uid), name!]));
}
