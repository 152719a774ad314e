import { type ChildProcess, spawn } from "node:child_process";
import { until } from "./until.js";

export interface ChildOptions {
  command: string;
  args?: readonly string[];
  cwd?: string;
  /** Added to the environment of this process; undefined removes a variable. */
  env?: Record<string, string | undefined>;
  /** What messages call it; the command's last path segment without. */
  name?: string;
  /** Who gets the polite signal at stop: SPIRE's leader unloads its plugins itself, Keylime's ignores it. */
  stopSignalTo?: "leader" | "group";
  /** How long the polite signal may take before SIGKILL. */
  stopGraceMs?: number;
}

export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A process in a group of its own, with what it printed kept (the last MiB of each stream). */
export interface Child extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<ChildExit>;
  /** How it ended, undefined while it runs. */
  readonly exit: ChildExit | undefined;
  stdout(): string;
  stderr(): string;
  /** Both streams in the order their pieces arrived. */
  output(): string;
  /** Sends a signal to every process of the group; no error when there is none left. */
  signalGroup(signal: NodeJS.Signals | 0): boolean;
  /** SIGTERM, then after the grace SIGKILL to the group; resolves when no process of the group is left. */
  stop(): Promise<ChildExit>;
}

const keptBytes = 1024 * 1024;
const living = new Set<Child>();

/** The end of a log, for an error message. */
export function lastLines(text: string, count = 40): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

/** Ends every process group that still runs, at once and without a chance to tidy up. */
export function killLivingChildren(): void {
  for (const child of living) child.signalGroup("SIGKILL");
}

/** Starts a process; rejects when the command cannot be started at all. */
export async function startChild(options: ChildOptions): Promise<Child> {
  killAtExit();
  const { command, args = [], cwd, env, name = command.split("/").at(-1)! } = options;
  const spawned = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  await new Promise<void>((resolve, reject) => {
    spawned.once("spawn", resolve);
    spawned.once("error", (cause) => reject(new Error(`cannot start ${name}: ${cause.message}`, { cause })));
  });
  return new GroupChild(spawned, name, options);
}

let killsAtExit = false;

/** A run that ends early must not leave verifiers behind: a signal to this process does not reach their groups. */
function killAtExit(): void {
  if (killsAtExit) return;
  killsAtExit = true;
  process.on("exit", killLivingChildren);
}

class GroupChild implements Child {
  readonly pid: number;
  readonly exited: Promise<ChildExit>;
  exit: ChildExit | undefined;
  private readonly out = new Tail();
  private readonly err = new Tail();
  private readonly both = new Tail();

  constructor(
    spawned: ChildProcess,
    readonly name: string,
    private readonly options: ChildOptions,
  ) {
    this.pid = spawned.pid!;
    living.add(this);
    const collect = (tail: Tail) => (piece: Buffer) => {
      tail.add(piece);
      this.both.add(piece);
    };
    spawned.stdout!.on("data", collect(this.out));
    spawned.stderr!.on("data", collect(this.err));
    // "exit", not "close": a grandchild that keeps the pipe open must not hide that the leader has ended.
    this.exited = new Promise((resolve) => {
      spawned.once("exit", (code, signal) => {
        this.exit = { code, signal };
        resolve(this.exit);
      });
    });
  }

  stdout = (): string => this.out.text();
  stderr = (): string => this.err.text();
  output = (): string => this.both.text();

  signalGroup(signal: NodeJS.Signals | 0): boolean {
    return sendSignal(-this.pid, signal);
  }

  async stop(): Promise<ChildExit> {
    const { stopSignalTo = "leader", stopGraceMs = 5000 } = this.options;
    if (this.exit === undefined) sendSignal(stopSignalTo === "group" ? -this.pid : this.pid, "SIGTERM");
    const timer = setTimeout(() => this.signalGroup("SIGKILL"), stopGraceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    this.signalGroup("SIGKILL");
    await until(() => !this.signalGroup(0), { what: `the process group of ${this.name} to end`, intervalMs: 10 });
    living.delete(this);
    return exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** The end of a stream; the beginning is dropped in whole pieces once there is too much. */
class Tail {
  private pieces: Buffer[] = [];
  private bytes = 0;

  add(piece: Buffer): void {
    this.pieces.push(piece);
    this.bytes += piece.length;
    while (this.bytes > keptBytes && this.pieces.length > 1) this.bytes -= this.pieces.shift()!.length;
  }

  text(): string {
    return Buffer.concat(this.pieces).toString("utf8");
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
