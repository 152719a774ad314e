import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, constants, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { errorText, Problem, type SourcePosition } from "../core/problem.js";
import type { PluginLogRecord } from "../goplugin/hclog-record.js";
import { StatusCode, StatusError, statusError } from "../goplugin/status-error.js";
import { type HostedPlugin, hostPlugin } from "../plugin-sdk/host-plugin.js";
import type { OfferedHostServices } from "../plugin-sdk/offered-host-services.js";

export type HalfName = "server" | "agent";

/** One plugin executable and what SPIRE would start it with. */
export interface HalfOptions {
  /** The label of its block, which is SPIRE's attestation type and selector type. */
  name: string;
  /** A path; one without a slash is looked up in PATH, which SPIRE itself never does. */
  command: string;
  args?: readonly string[];
  /** Hex SHA-256 of the file, verified before the start as SPIRE does it; absent: not verified. */
  checksum?: { value: string; at?: SourcePosition };
  /** The text of `hcl_configuration`. */
  data?: string;
  /** The plugin's environment; this process's own without. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

export interface StartLimits {
  /** The bare name. */
  trustDomain: string;
  /** For the handshake, and again for Configure. */
  startTimeoutMs: number;
  signal?: AbortSignal;
  onLog: (half: HalfName, record: PluginLogRecord) => void;
}

/** How a half ended, when it was asked to. */
export interface HalfEnd {
  /** Peak resident memory just before the unload; undefined where /proc does not tell. */
  peakMemoryMb?: number;
  /** Processor time of the process so far, start included; undefined where /proc does not tell. */
  cpuMs?: number;
  /** What SPIRE would log as an error at its stop; undefined when all went well. */
  complaint?: string;
}

/** A loaded and configured half. */
export interface RunningHalf {
  readonly half: HalfName;
  readonly options: HalfOptions;
  readonly plugin: HostedPlugin;
  /** From before the checksum until Configure returned. */
  readonly startUntilConfiguredMs: number;
  /** How the process ended by itself, undefined while it runs. */
  ended(): string | undefined;
  unload(): Promise<HalfEnd>;
}

/**
 * Starts and configures one half as SPIRE 1.13 does.
 * @throws Problem `spire-plugin-missing`, `spire-plugin-checksum`, `plugin-start`, `plugin-handshake`, `plugin-init` or
 * `plugin-configure`; no process is left then
 */
export async function startHalf(half: HalfName, options: HalfOptions, limits: StartLimits): Promise<RunningHalf> {
  const startedAtMs = performance.now();
  const command = await executablePath(half, options);
  if (options.checksum !== undefined) await verifyChecksum(half, command, options.checksum);
  const plugin = await orInterrupted(load(half, { ...options, command }, limits), limits.signal);
  let end: string | undefined;
  void plugin.exited.then(({ code, signal }) => {
    end = signal === null ? `exit code ${code}` : signal;
  });
  try {
    await plugin.configure(options.data ?? "", { timeoutMs: limits.startTimeoutMs, signal: limits.signal });
  } catch (error) {
    plugin.kill();
    await plugin.exited;
    if (limits.signal?.aborted) throw interrupted();
    throw configureRefused(half, error, limits.startTimeoutMs, end);
  }
  const startUntilConfiguredMs = performance.now() - startedAtMs;
  return { half, options, plugin, startUntilConfiguredMs, ended: () => end, unload: () => unload(plugin, () => end) };
}

async function load(half: HalfName, options: HalfOptions, limits: StartLimits): Promise<HostedPlugin> {
  try {
    return await hostPlugin({
      type: "NodeAttestor",
      name: options.name,
      command: options.command,
      args: options.args ?? [],
      trustDomain: limits.trustDomain,
      hostServices: hostServices(half),
      timeoutMs: limits.startTimeoutMs,
      onLog: (record) => limits.onLog(half, record),
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const isUntold = error.code === "plugin-start" || error.hint === undefined;
    const hint = isUntold ? "see with spire-keylime rehearse --verbose what it wrote to stderr" : error.hint;
    throw new Problem(error.code, `the ${half} half does not load: ${error.message}`, {
      culprit: "peer",
      hint,
      cause: error,
    });
  }
}

/** A launch cannot be called off: one that completes after the interruption is ended at once. */
async function orInterrupted(loading: Promise<HostedPlugin>, signal: AbortSignal | undefined): Promise<HostedPlugin> {
  if (signal === undefined) return await loading;
  return await new Promise((resolve, reject) => {
    const abort = () => {
      reject(interrupted());
      void loading.then(
        (plugin) => plugin.kill(),
        () => {},
      );
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    loading.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

const interrupted = (): Problem => new Problem("interrupted", "the rehearsal was interrupted", { culprit: "ours" });

/** What SPIRE offers to a NodeAttestor; here no agent is known yet, and there is no identity to hand out. */
function hostServices(half: HalfName): OfferedHostServices {
  const metrics = () => {};
  if (half === "agent") return { metrics };
  return {
    metrics,
    agentStore: async () => undefined,
    identityProvider: async () => {
      throw statusError(StatusCode.FAILED_PRECONDITION, "there is no SPIRE server in a rehearsal");
    },
  };
}

async function executablePath(half: HalfName, { command, cwd }: HalfOptions): Promise<string> {
  if (!command.includes("/")) return command;
  const path = resolve(cwd ?? process.cwd(), command);
  try {
    await access(path, constants.X_OK);
    return path;
  } catch (error) {
    throw new Problem(
      "spire-plugin-missing",
      `cannot execute the ${half} plugin ${JSON.stringify(path)}: ${errorText(error)}`,
      {
        culprit: "configuration",
        hint: "correct plugin_cmd or make the file executable",
        cause: error,
      },
    );
  }
}

async function verifyChecksum(
  half: HalfName,
  path: string,
  { value, at }: NonNullable<HalfOptions["checksum"]>,
): Promise<void> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  const found = hash.digest("hex");
  if (found === value.toLowerCase()) return;
  const message = `plugin_checksum of the ${half} plugin does not match ${JSON.stringify(path)}: expected ${JSON.stringify(value.slice(0, 80))}, found ${found}`;
  throw new Problem("spire-plugin-checksum", message, {
    culprit: "configuration",
    hint: `set plugin_checksum = "${found}" if this is the executable you trust`,
    ...(at === undefined ? {} : { at }),
  });
}

function configureRefused(half: HalfName, error: unknown, timeoutMs: number, end: string | undefined): Problem {
  const status = error instanceof StatusError ? error : undefined;
  const code = status === undefined ? "" : `${StatusCode[status.code]}: `;
  const died = end !== undefined && end !== "SIGKILL" ? `; its process ended with ${end}` : "";
  const why =
    status?.code === StatusCode.DEADLINE_EXCEEDED
      ? `no answer to Configure within ${timeoutMs} ms`
      : `${code}${errorText(error)}`;
  return new Problem("plugin-configure", `the ${half} half refused its configuration: ${why}${died}`, {
    culprit: "configuration",
    hint: `correct the plugin_data of the ${half} half`,
    cause: error,
  });
}

async function unload(plugin: HostedPlugin, ended: () => string | undefined): Promise<HalfEnd> {
  const used = await resourcesUsed(plugin.pid);
  const before = ended();
  const { exit, graceful, deinitError } = await plugin.close();
  const complaint =
    before !== undefined
      ? `its process had ended with ${before}`
      : !graceful
        ? "it did not exit within 2 s of Shutdown and was killed"
        : exit.code !== 0
          ? `it exited with ${exit.signal ?? `exit code ${exit.code}`} at Shutdown`
          : deinitError === undefined
            ? undefined
            : `Deinit failed: ${deinitError.message}`;
  return { ...used, ...(complaint === undefined ? {} : { complaint }) };
}

/** Linux counts processor time in hundredths of a second for programs (USER_HZ, proc(5)). */
const tickMs = 10;

/** VmHWM, the high-water mark of resident memory, in MiB, and utime plus stime (proc(5)). */
async function resourcesUsed(pid: number): Promise<Pick<HalfEnd, "peakMemoryMb" | "cpuMs">> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
  const kb = /^VmHWM:\s+(\d+) kB$/m.exec(await read("status"))?.[1];
  // The second field is the name in parentheses, which may itself hold spaces: fields are counted from behind it.
  const fields = (await read("stat")).split(") ").at(-1)?.split(" ") ?? [];
  const ticks = Number(fields[11]) + Number(fields[12]);
  return {
    ...(kb === undefined ? {} : { peakMemoryMb: Number(kb) / 1024 }),
    ...(Number.isNaN(ticks) ? {} : { cpuMs: ticks * tickMs }),
  };
}
