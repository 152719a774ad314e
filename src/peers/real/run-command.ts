import { spawn } from "node:child_process";
import { Problem } from "../../core/problem.js";

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string | undefined>;
  input?: string;
  timeoutMs?: number;
}

export interface RunResult {
  /** The exit code, or null when the time-out or another signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end. A non-zero exit code is an answer, not an error. */
export function runCommand(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { cwd, env, input = "", timeoutMs = 30_000 } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      timeout: timeoutMs,
      killSignal: "SIGKILL",
    });
    const text = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (piece: string) => {
        text[stream] += piece;
      });
    }
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...text }));
    child.stdin.on("error", () => {}); // a command that does not read its input may be gone before it is written
    child.stdin.end(input);
  });
}

/** As `runCommand`, for commands that must succeed: returns stdout, rejects with everything it printed otherwise. */
export async function runChecked(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command, args, options);
  if (code === 0) return stdout;
  const message = `${command} ${args.join(" ")} ended with ${code ?? "a signal"}:\n${stdout}${stderr}`;
  throw new Problem("command-failed", message, { culprit: "peer" });
}
