import { type ChildProcess, spawn } from "node:child_process";
import { type Client, Metadata } from "@grpc/grpc-js";
import { errorText, Problem } from "../core/problem.js";
import { GRPCControllerService } from "../gen/plugin/grpc_controller.js";
import { GRPCStdioService } from "../gen/plugin/grpc_stdio.js";
import { dialTarget, parseHandshakeLine } from "./handshake-line.js";
import { HclogReader, type PluginLogRecord } from "./hclog-record.js";
import { HostBroker } from "./host-broker.js";
import { socketPlaceOf } from "./plugin-socket.js";
import { callUnary, dialService } from "./service-client.js";

export interface LaunchOptions {
  command: string;
  args?: readonly string[];
  /** The plugin's environment; default: this process's own, as hosts pass it on. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  cookie: { key: string; value: string };
  /** Application protocol versions; default [1]. */
  protocolVersions?: readonly number[];
  /** Limit for the handshake and the connection together; default 1 minute, as in go-plugin. */
  timeoutMs?: number;
  /** What the plugin wrote to stderr, understood as a Go host would. */
  onLog?: (record: PluginLogRecord) => void;
}

export interface PluginExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Unloaded {
  exit: PluginExit;
  /** False when the plugin had to be killed. */
  graceful: boolean;
}

const defaultTimeoutMs = 60_000;
const exitGraceMs = 2000;
/** How long the last lines of a plugin that has exited may take to arrive. */
const pipesGraceMs = 500;
const maxHandshakeBytes = 64 * 1024;
const maxReceiveBytes = 64 * 1024 * 1024;

/**
 * Starts a plugin as the Go host (go-plugin v1.7) does: process, handshake line, connection, broker and stdio streams.
 * @throws Problem `plugin-start` or `plugin-handshake`; the process is dead then
 */
export async function launchGoPlugin(options: LaunchOptions): Promise<LaunchedPlugin> {
  const child = start(options);
  const { onLog = () => {}, timeoutMs = defaultTimeoutMs } = options;
  const exited = watchExit(child);
  readLog(child, onLog);
  const deadlineMs = performance.now() + timeoutMs;
  try {
    const line = await within(firstLine(child, exited, options.command), timeoutMs, options.command);
    const { network, address } = parseHandshakeLine(line, options.protocolVersions ?? [1]);
    const client = dialService(dialTarget(network, address), maxReceiveBytes);
    await ready(client, Math.max(1, deadlineMs - performance.now()), address);
    return new LaunchedPlugin(child, client, exited, options.env ?? process.env);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

/** A running plugin. */
export class LaunchedPlugin {
  /** The connection to the plugin's services. */
  readonly client: Client;
  readonly exited: Promise<PluginExit>;
  readonly broker: HostBroker;
  readonly #child: ChildProcess;
  readonly #stdio: { cancel(): void };

  constructor(child: ChildProcess, client: Client, exited: Promise<PluginExit>, env: NodeJS.ProcessEnv) {
    this.#child = child;
    this.client = client;
    this.exited = exited;
    this.broker = new HostBroker(client, socketPlaceOf(env));
    this.#stdio = openStdio(client);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Broker closed, Shutdown, connection closed, 2 s for the exit, SIGKILL, host services stopped: a Go host's order. */
  async unload(): Promise<Unloaded> {
    this.broker.close();
    await callUnary(this.client, GRPCControllerService.shutdown, {}, { timeoutMs: exitGraceMs }).catch(() => {});
    this.#stdio.cancel();
    this.client.close();
    const graceful = await endsWithin(this.exited, exitGraceMs);
    if (!graceful) this.kill();
    this.broker.stopServing();
    return { exit: await this.exited, graceful };
  }

  /** Ends the process at once, as the death of a host does. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

function start({
  command,
  args = [],
  env = process.env,
  cwd,
  cookie,
  protocolVersions = [1],
}: LaunchOptions): ChildProcess {
  const child = spawn(command, args, {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...env,
      [cookie.key]: cookie.value,
      PLUGIN_MIN_PORT: "10000",
      PLUGIN_MAX_PORT: "25000",
      PLUGIN_PROTOCOL_VERSIONS: protocolVersions.join(","),
    },
  });
  // Node cannot ask for a parent-death signal, so this is as close as a host that ends comes to it.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  return child;
}

function watchExit(child: ChildProcess): Promise<PluginExit> {
  return new Promise((resolve) => {
    child.once("error", () => resolve({ code: null, signal: null }));
    // "close" where it comes soon: the last log lines are read by then. A process the plugin left behind can hold its
    // pipes open for ever, so the exit itself has to do after that.
    child.once("close", (code, signal) => resolve({ code, signal }));
    child.once("exit", (code, signal) => {
      setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
        resolve({ code, signal });
      }, pipesGraceMs).unref();
    });
  });
}

function readLog(child: ChildProcess, onLog: (record: PluginLogRecord) => void): void {
  const reader = new HclogReader(onLog);
  child.stderr!.on("data", (chunk: Buffer) => reader.push(chunk));
  child.stderr!.on("end", () => reader.end());
  child.stderr!.on("error", () => {});
}

/** The first line of stdout; whatever follows is read and thrown away. */
function firstLine(child: ChildProcess, exited: Promise<PluginExit>, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let held = "";
    let isDone = false;
    child.once("error", (error) => reject(failed(command, errorText(error), { cause: error })));
    child.stdout!.on("error", () => {});
    child.stdout!.on("data", (chunk: Buffer) => {
      if (isDone) return;
      held += chunk.toString("utf8");
      isDone = held.includes("\n") || held.length > maxHandshakeBytes;
      if (isDone) resolve(held.split("\n", 1)[0]!);
    });
    void exited.then(({ code, signal }) => {
      reject(failed(command, `it exited before the handshake (${signal ?? `exit code ${code}`})`));
    });
  });
}

function ready(client: Client, timeoutMs: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + timeoutMs, (error) => {
      if (!error) return resolve();
      client.close();
      reject(failed(address, `nothing answers on its socket: ${errorText(error)}`, { cause: error }));
    });
  });
}

function openStdio(client: Client): { cancel(): void } {
  const { path, requestSerialize, responseDeserialize } = GRPCStdioService.streamStdio;
  const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {}, new Metadata());
  stream.on("error", () => {});
  stream.resume();
  return stream;
}

async function within<T>(work: Promise<T>, timeoutMs: number, command: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const why = `no handshake line within ${timeoutMs} ms`;
    timer = setTimeout(() => reject(failed(command, why)), timeoutMs);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function endsWithin(exited: Promise<PluginExit>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  return await Promise.race([exited.then(() => true), late]).finally(() => clearTimeout(timer));
}

function failed(command: string, why: string, options: { cause?: unknown } = {}): Problem {
  return new Problem("plugin-start", `cannot start plugin ${JSON.stringify(command)}: ${why}`, {
    culprit: "peer",
    hint: "read what it wrote to stderr",
    ...options,
  });
}
