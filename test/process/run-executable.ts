import { spawn } from "node:child_process";
import { builtExecutable } from "../support/built-executable.js";

export interface ExecutableRun {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

export interface RunningExecutable {
  readonly pid: number;
  /** What it has printed so far. */
  out(): string;
  err(): string;
  kill(signal: NodeJS.Signals): void;
  closeOutput(): void;
  readonly ended: Promise<ExecutableRun>;
}

/** Starts the built executable; what it has not ended after `timeoutMs` is killed, which shows as its signal. */
export function startExecutable(
  args: readonly string[],
  { env = {}, cwd, timeoutMs = 40_000 }: { env?: Record<string, string>; cwd?: string; timeoutMs?: number } = {},
): RunningExecutable {
  const child = spawn(process.execPath, [builtExecutable(), ...args], {
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const text = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    text.out += piece;
  });
  child.stderr.setEncoding("utf8").on("data", (piece: string) => {
    text.err += piece;
  });
  const ended = new Promise<ExecutableRun>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, ...text }));
  });
  return {
    pid: child.pid ?? 0,
    out: () => text.out,
    err: () => text.err,
    kill: (signal) => void child.kill(signal),
    closeOutput: () => void child.stdout.destroy(),
    ended,
  };
}

export function runExecutable(...[args, options]: Parameters<typeof startExecutable>): Promise<ExecutableRun> {
  return startExecutable(args, options).ended;
}
