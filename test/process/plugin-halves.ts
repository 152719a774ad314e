import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { PluginLogRecord } from "../../src/goplugin/hclog-record.js";
import { type HalfName, type RunningHalf, startHalf } from "../../src/rehearse/half.js";
import { builtExecutable } from "../support/built-executable.js";

/** One half of the pair as a process of its own, loaded as SPIRE loads it. */
export interface LoadedHalf extends AsyncDisposable {
  readonly running: RunningHalf;
  readonly plugin: RunningHalf["plugin"];
  readonly logs: PluginLogRecord[];
  /** Where its socket lies, and nothing else of the plugin's. */
  readonly sockets: string;
  /** Resident memory in MiB. */
  residentMb(): number;
}

export interface LoadOptions {
  data: string;
  /** A directory for the sockets; its path must be short. */
  directory: string;
  /** Another executable than the built one, with its arguments. */
  command?: string;
  args?: readonly string[];
}

let sequence = 0;

export async function loadHalf(half: HalfName, options: LoadOptions): Promise<LoadedHalf> {
  const { data, directory, command = builtExecutable(), args = ["plugin", half] } = options;
  const logs: PluginLogRecord[] = [];
  const sockets = join(directory, `s${sequence++}`);
  mkdirSync(sockets, { recursive: true });
  const running = await startHalf(
    half,
    { name: "keylime", command, args, data, env: { ...process.env, TMPDIR: sockets } },
    { trustDomain: "example.org", startTimeoutMs: 20_000, onLog: (_half, record) => void logs.push(record) },
  );
  const { plugin } = running;
  return {
    running,
    plugin,
    logs,
    sockets,
    residentMb: () =>
      Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${plugin.pid}/status`, "utf8"))?.[1]) / 1024,
    async [Symbol.asyncDispose]() {
      plugin.kill();
      await plugin.exited;
    },
  };
}

/** Lines that SPIRE would log as errors, or that would end a Go host. */
export function badLines(logs: readonly PluginLogRecord[]): PluginLogRecord[] {
  return logs.filter(({ level, panicsGoHost }) => level === "error" || panicsGoHost !== undefined);
}
