import { type Logger, silentLogger } from "../core/logger.js";
import { Problem, problemLine } from "../core/problem.js";
import { defaultMaxReceiveBytes, type GoPluginService, GrpcListener } from "./grpc-listener.js";
import { coreProtocolVersion, handshakeLine } from "./handshake-line.js";
import { PluginBroker } from "./plugin-broker.js";
import { type PluginProcess, takeProcess } from "./plugin-process.js";
import { removeStaleSockets, socketPlaceOf } from "./plugin-socket.js";
import { protocolServices } from "./protocol-services.js";

export interface GoPluginOptions {
  /** The environment variable by which a host says that it means this kind of plugin. */
  cookie: { key: string; value: string };
  /** Application protocol version; default 1. */
  protocolVersion?: number;
  /** The plugin's own services; the broker gives the addresses of the host's. */
  services: (broker: PluginBroker) => readonly GoPluginService[];
  logger?: Logger;
  /** Longest message taken, in bytes; default 4 MiB, as Go plugins have it. */
  maxReceiveBytes?: number;
  /** How long a lost connection may take to come back before the host counts as gone; default 1 s. */
  hostGoneAfterMs?: number;
  /** What somebody who starts the plugin by hand should do instead. */
  startedByHand?: string;
  /** Called once when the plugin ends, before the promise resolves: stop own work here. */
  onEnd?: () => void;
  process?: PluginProcess;
}

/** How a plugin ended. The caller ends the process with this code: timers of others may still hold it. */
export interface GoPluginEnd {
  exitCode: 0 | 1;
  reason: string;
}

/** Hosts kill a plugin 2 s after Shutdown. */
const shutdownGraceMs = 500;
const watchEveryMs = 1000;
const defaultHostGoneAfterMs = 1000;

/**
 * Serves a plugin over the go-plugin protocol (version 1, gRPC, UNIX socket without TLS) to the host that started this
 * process, until the host shuts it down or is gone. Resolves with exit code 0 then, and with 1 when this process was not
 * started by a host or cannot listen; the reason has been written to stderr. Never rejects.
 */
export async function serveGoPlugin(options: GoPluginOptions): Promise<GoPluginEnd> {
  const logger = options.logger ?? silentLogger;
  const process = options.process ?? takeProcess(logger);
  try {
    refuseWrongHost(process.env, options);
    return await serveToHost(options, process, logger);
  } catch (error) {
    const reason = error instanceof Problem ? problemLine(error) : `cannot serve the plugin: ${String(error)}`;
    process.explain(reason);
    return { exitCode: 1, reason };
  } finally {
    await process.release();
  }
}

async function serveToHost(options: GoPluginOptions, process: PluginProcess, logger: Logger): Promise<GoPluginEnd> {
  const protocolVersion = options.protocolVersion ?? 1;
  warnOfVersions(process.env, protocolVersion, logger);
  const place = socketPlaceOf(process.env);
  const life = new PluginLife(options, process, logger);
  const path = await life.listener.listen(place);
  life.watchHost();
  process.writeHandshake(handshakeLine({ protocolVersion, network: "unix", address: path }));
  void removeStaleSockets(place.directory).then((count) => {
    if (count > 0) logger.log("debug", "removed sockets of dead plugins", { count, directory: place.directory });
  });
  return await life.ended;
}

/** One serving plugin, and the one decision when it ends. */
class PluginLife {
  readonly listener: GrpcListener;
  readonly ended: Promise<GoPluginEnd>;
  readonly #broker = new PluginBroker();
  readonly #options: GoPluginOptions;
  readonly #process: PluginProcess;
  readonly #parentPid: number;
  #resolve!: (end: GoPluginEnd) => void;
  #watch: NodeJS.Timeout | undefined;
  #goneTimer: NodeJS.Timeout | undefined;
  #isEnding = false;

  constructor(options: GoPluginOptions, process: PluginProcess, logger: Logger) {
    this.#options = options;
    this.#process = process;
    this.#parentPid = process.parentPid();
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const protocol = protocolServices(this.#broker, () => this.#shutdown());
    const services = [...protocol, ...options.services(this.#broker)];
    const maxReceiveBytes = options.maxReceiveBytes ?? defaultMaxReceiveBytes;
    this.listener = new GrpcListener(services, maxReceiveBytes, (open) => this.#connectionsAre(open));
    process.onSignal((signal) => {
      if (this.listener.openConnections === 0) return this.#end(`signal ${signal} without a host`);
      logger.log("debug", "signal ignored while the host is connected", { signal });
    });
  }

  /** From now on a host that dies is noticed even when it never connects. */
  watchHost(): void {
    this.#watch = setInterval(() => {
      const isOrphan = this.#process.parentPid() !== this.#parentPid;
      if (isOrphan && !this.#broker.isOpen) this.#end("the host process is gone");
    }, watchEveryMs);
  }

  #connectionsAre(open: number): void {
    clearTimeout(this.#goneTimer);
    if (open > 0) return;
    if (this.#isEnding) {
      this.#end("shut down by the host");
      return;
    }
    const graceMs = this.#options.hostGoneAfterMs ?? defaultHostGoneAfterMs;
    this.#goneTimer = setTimeout(() => this.#end("the host closed the connection"), graceMs);
  }

  // The host still waits for the answer of Shutdown, so the connection is left to it for a moment.
  #shutdown(): void {
    this.#stop();
    setTimeout(() => this.#end("shut down by the host"), shutdownGraceMs);
  }

  #end(reason: string): void {
    this.#stop();
    this.listener.destroy();
    this.#resolve({ exitCode: 0, reason });
  }

  #stop(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    clearInterval(this.#watch);
    clearTimeout(this.#goneTimer);
    this.listener.stopListening();
    this.#options.onEnd?.();
  }
}

function refuseWrongHost(env: NodeJS.ProcessEnv, options: Pick<GoPluginOptions, "cookie" | "startedByHand">): void {
  const { key, value } = options.cookie;
  if (env[key] !== value) {
    const found = env[key] === undefined ? "is not set" : `is ${JSON.stringify(env[key].slice(0, 100))}`;
    throw new Problem(
      "plugin-not-hosted",
      `this program is a plugin that its host starts, not a person: the environment variable ${key} ${found}, expected ${JSON.stringify(value)}`,
      { culprit: "usage", hint: options.startedByHand ?? "name it as a plugin in the configuration of the host" },
    );
  }
  if (env.PLUGIN_CLIENT_CERT) {
    throw new Problem(
      "plugin-auto-mtls",
      "cannot serve the host: it asks for AutoMTLS (PLUGIN_CLIENT_CERT is set), which this plugin does not speak",
      { culprit: "configuration", hint: "switch AutoMTLS off in the host" },
    );
  }
}

// The host names both versions in its own error when it reads the line, so the plugin serves on and only warns.
function warnOfVersions(env: NodeJS.ProcessEnv, protocolVersion: number, logger: Logger): void {
  const offered = env.PLUGIN_PROTOCOL_VERSIONS;
  if (offered !== undefined && !offered.split(",").some((each) => each.trim() === String(protocolVersion))) {
    logger.log("error", "the host speaks other protocol versions", {
      offered,
      expected: protocolVersion,
      core: coreProtocolVersion,
    });
  }
}
