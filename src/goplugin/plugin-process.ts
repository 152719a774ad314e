import type { Logger } from "../core/logger.js";
import { errorText } from "../core/problem.js";
import { stderrSink } from "./hclog.js";

/** What serving a plugin needs of its process; tests give another one. */
export interface PluginProcess {
  env: NodeJS.ProcessEnv;
  parentPid(): number;
  /** Writes the handshake line, the only thing that ever goes to stdout. */
  writeHandshake(line: string): void;
  /** Tells a person on stderr why this process does not serve. */
  explain(text: string): void;
  /** Called for each signal that asks a process to end. */
  onSignal(listener: (signal: string) => void): void;
  /** Gives everything back and resolves when the log is written. */
  release(): Promise<void>;
}

const endSignals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
// A reload signal sent to SPIRE's whole control group must neither open Node's inspector (SIGUSR1) nor end the process.
const reloadSignals = ["SIGUSR1", "SIGUSR2"] as const;
const flushMs = 300;

/**
 * Takes over this process as a plugin: from now on nothing but the handshake line reaches stdout, whatever others write
 * becomes log lines (raw JSON on stderr could make the host panic), and uncaught errors are logged instead of ending it.
 */
export function takeProcess(logger: Logger): PluginProcess {
  const sink = stderrSink();
  const writeStdout = process.stdout.write;
  const writeStderr = process.stderr.write;
  process.stdout.write = captured(logger, "stdout");
  process.stderr.write = captured(logger, "stderr");
  // A host that stops reading closes the pipe; that must not become an uncaught error.
  process.stdout.on("error", ignore);

  const listeners: [string, (...args: unknown[]) => void][] = [
    ["uncaughtException", (error) => logUncaught(logger, "uncaught exception", error)],
    ["unhandledRejection", (error) => logUncaught(logger, "unhandled rejection", error)],
    ...reloadSignals.map((signal): [string, () => void] => [signal, ignore]),
  ];
  for (const [event, listener] of listeners) process.on(event, listener);

  return {
    env: process.env,
    parentPid: () => process.ppid,
    writeHandshake: (line) => void writeStdout.call(process.stdout, `${line}\n`, "utf8"),
    explain: (text) => sink.writeLine(`[ERROR] ${text}`),
    onSignal: (listener) => {
      for (const signal of endSignals) {
        const onSignal = () => listener(signal);
        listeners.push([signal, onSignal]);
        process.on(signal, onSignal);
      }
    },
    release: async () => {
      await sink.flush(flushMs);
      process.stdout.write = writeStdout;
      process.stderr.write = writeStderr;
      for (const [event, listener] of listeners) process.off(event, listener);
    },
  };
}

function ignore(): void {}

function logUncaught(logger: Logger, message: string, error: unknown): void {
  try {
    const stack = error instanceof Error ? error.stack : undefined;
    logger.log("error", message, { error: errorText(error), stack });
  } catch {
    logger.log("error", message);
  }
}

/** A `write` that turns whole lines into log records and holds at most one unfinished line. */
function captured(logger: Logger, stream: "stdout" | "stderr"): typeof process.stdout.write {
  const maxHeldCharacters = 16_384;
  let held = "";
  const write = (chunk: unknown, encoding?: unknown, done?: unknown): boolean => {
    const text = typeof chunk === "string" ? chunk : Buffer.from(chunk as Uint8Array).toString("utf8");
    const lines = (held + text).split("\n");
    held = lines.pop()!;
    if (held.length > maxHeldCharacters) {
      lines.push(held);
      held = "";
    }
    for (const line of lines) if (line.trim() !== "") logger.log("debug", line.trimEnd(), { stream });
    const callback = typeof encoding === "function" ? encoding : done;
    if (typeof callback === "function") queueMicrotask(() => callback());
    return true;
  };
  return write as typeof process.stdout.write;
}
