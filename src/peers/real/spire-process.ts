import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Problem } from "../../core/problem.js";
import { type Child, lastLines, startChild } from "./child.js";
import { runCommand } from "./run-command.js";
import { until } from "./until.js";

/** One line of SPIRE's JSON log, with the fields of the event beside level and message. */
export interface SpireLogEntry {
  level: string;
  msg: string;
  [field: string]: unknown;
}

/** Where one SPIRE process keeps its files. */
export interface SpireHome {
  configFile: string;
  dataDir: string;
  /** At most 107 bytes: it is a UNIX socket's path. */
  socketPath: string;
}

export interface SpireProcessOptions {
  /** Absolute path of spire-server or spire-agent. */
  program: string;
  /** With the configuration file in it. */
  home: SpireHome;
  /** Added to the process's environment, which its plugins inherit. */
  env?: Record<string, string>;
  /** Aborted: waiting for its health ends. */
  signal?: AbortSignal;
}

/** What spire-server and spire-agent have in common as processes. */
export abstract class SpireProcess implements AsyncDisposable {
  protected constructor(
    private readonly options: SpireProcessOptions,
    public child: Child,
  ) {}

  get home(): SpireHome {
    return this.options.home;
  }

  get configFile(): string {
    return this.home.configFile;
  }

  get socketPath(): string {
    return this.home.socketPath;
  }

  /** The log since the last start. */
  log = (): string => this.child.output();

  logEntries(): SpireLogEntry[] {
    return this.log()
      .split("\n")
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line) as SpireLogEntry);
  }

  /** Rejects with the process's log when it ends instead or stays unhealthy. */
  async waitUntilHealthy(timeoutMs = 60_000): Promise<void> {
    const state = await until(async () => this.child.exit ?? (await this.isHealthy()), {
      what: `${this.child.name} to be healthy`,
      intervalMs: 200,
      timeoutMs,
      evidence: () => this.story(),
      signal: this.options.signal,
    });
    if (state === true) return;
    throw this.ended("peer-start", "at its start");
  }

  /** That the process has ended when it should not have, with the end of its log. */
  ended(code: string, when: string): Problem {
    const { name, exit } = this.child;
    return new Problem(code, `${name} ended with ${exit?.code ?? exit?.signal} ${when}:\n${this.story()}`, {
      culprit: "peer",
    });
  }

  async stop(): Promise<void> {
    await this.child.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  protected async startAgain(): Promise<void> {
    this.child = await runSpire(this.options);
  }

  /** The end of the log without its debug lines. */
  private story(): string {
    const lines = this.log().split("\n");
    return lastLines(lines.filter((line) => !line.includes('"level":"debug"')).join("\n"));
  }

  private async isHealthy(): Promise<boolean> {
    return (await runCommand(this.options.program, ["healthcheck", "-socketPath", this.socketPath])).code === 0;
  }
}

/** `<dir>/<name>` holds everything. */
export function spireHomeBelow(dir: string, name: "server" | "agent"): SpireHome {
  const dataDir = join(dir, name);
  return { dataDir, socketPath: join(dataDir, "api.sock"), configFile: join(dataDir, `spire-${name}.conf`) };
}

export async function writeSpireConfig({ dataDir, configFile }: SpireHome, text: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o755 });
  await writeFile(configFile, text);
}

/** SPIRE unloads its plugins itself when its own process gets SIGTERM. */
export async function runSpire({ program, env, home }: SpireProcessOptions): Promise<Child> {
  for (const path of [home.dataDir, dirname(home.socketPath)]) await mkdir(path, { recursive: true, mode: 0o755 });
  return await startChild({ command: program, args: ["run", "-config", home.configFile], env, stopGraceMs: 10_000 });
}
