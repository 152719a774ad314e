import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Child, startChild } from "../../support/child.js";
import { freePort } from "../../support/free-port.js";
import { runChecked, runCommand } from "../../support/run-command.js";
import { until } from "../../support/until.js";
import { type PeerName, peerPath } from "./peers.js";
import { agentConfigText, serverConfigText } from "./spire-config.js";

export interface SpireServerOptions {
  /** An existing directory with a short path: the admin socket goes below it. */
  dir: string;
  /** `example.org` without. */
  trustDomain?: string;
  /** HCL of the whole `NodeAttestor "…" { … }`; see `pluginBlock`. */
  nodeAttestorBlock: string;
  /** Lifetime of the agents' SVIDs as SPIRE writes durations; `1h` without. */
  agentTtl?: string;
  /** HCL inside `server { … }`. */
  moreServerOptions?: string;
}

/** As `spire-server agent list -output json` prints it. */
export interface AttestedAgent {
  id: { trust_domain: string; path: string };
  attestation_type: string;
  x509svid_serial_number: string;
  x509svid_expires_at: string;
  selectors: { type: string; value: string }[];
  banned: boolean;
  can_reattest: boolean;
}

export interface EntryOptions {
  spiffeId: string;
  /** The SPIFFE ID of the agent, or left out for a node alias (`node: true`). */
  parentId?: string;
  /** `type:value`, as the CLI takes them. */
  selectors: readonly string[];
  node?: boolean;
}

/** One line of SPIRE's JSON log, with the fields of the event beside level and message. */
export interface SpireLogEntry {
  level: string;
  msg: string;
  [field: string]: unknown;
}

interface SpireProcess extends AsyncDisposable {
  readonly configFile: string;
  readonly child: Child;
  /** The log since the last start. */
  log(): string;
  logEntries(): SpireLogEntry[];
  stop(): Promise<void>;
}

export interface SpireServer extends SpireProcess {
  readonly trustDomain: string;
  readonly port: number;
  readonly socketPath: string;
  /** A file with the trust bundle that agents start from. */
  readonly bundleFile: string;
  agents(): Promise<AttestedAgent[]>;
  /** Returns the entry's id. */
  createEntry(options: EntryOptions): Promise<string>;
  evict(spiffeId: string): Promise<void>;
  ban(spiffeId: string): Promise<void>;
  /** Any `spire-server` command at this server's socket; returns stdout. */
  command(...args: string[]): Promise<string>;
}

export interface SpireAgentOptions {
  dir: string;
  server: SpireServer;
  nodeAttestorBlock: string;
  /** HCL inside `agent { … }`, for example `retry_bootstrap = false`. */
  moreAgentOptions?: string;
  /** false returns as soon as the process runs: for attestations that must fail. */
  waitUntilHealthy?: boolean;
}

/** As `spire-agent api fetch x509 -output json` prints it. */
export interface WorkloadSvid {
  spiffe_id: string;
  /** Base64 of DER. */
  x509_svid: string;
  bundle: string;
}

export interface SpireAgent extends SpireProcess {
  readonly socketPath: string;
  /** Rejects with the agent's log when it ends instead or stays unhealthy. */
  waitUntilHealthy(timeoutMs?: number): Promise<void>;
  /** Starts anew; the keys are in memory, so it attests again. */
  restart(): Promise<void>;
  /** What the Workload API gives to a child of this process; rejects while no identity is issued. */
  fetchX509(): Promise<WorkloadSvid[]>;
}

/** Starts spire-server and waits until it is healthy; rejects with its log when it ends, as for a plugin that fails. */
export async function startSpireServer(options: SpireServerOptions): Promise<SpireServer> {
  const server = await RunningServer.start(options);
  try {
    await server.waitUntilHealthy(30_000);
    await writeFile(server.bundleFile, await server.command("bundle", "show", "-format", "pem"));
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

export async function startSpireAgent(options: SpireAgentOptions): Promise<SpireAgent> {
  const agent = await RunningAgent.start(options);
  try {
    if (options.waitUntilHealthy !== false) await agent.waitUntilHealthy();
    return agent;
  } catch (error) {
    await agent.stop();
    throw error;
  }
}

abstract class RunningSpire implements SpireProcess {
  protected constructor(
    readonly configFile: string,
    readonly socketPath: string,
    private readonly program: PeerName,
    public child: Child,
  ) {}

  log = (): string => this.child.output();

  logEntries(): SpireLogEntry[] {
    const lines = this.log().split("\n");
    return lines
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line) as SpireLogEntry);
  }

  async waitUntilHealthy(timeoutMs = 60_000): Promise<void> {
    const state = await until(async () => this.child.exit ?? (await this.isHealthy()), {
      what: `${this.child.name} to be healthy`,
      intervalMs: 200,
      timeoutMs,
      evidence: () => this.story(),
    });
    if (state !== true) throw new Error(`${this.child.name} ended with ${state.code}:\n${this.story()}`);
  }

  async stop(): Promise<void> {
    await this.child.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** The log without its debug lines. */
  private story(): string {
    const lines = this.log().split("\n");
    return lines.filter((line) => !line.includes('"level":"debug"')).join("\n");
  }

  private async isHealthy(): Promise<boolean> {
    const args = ["healthcheck", "-socketPath", this.socketPath];
    return (await runCommand(peerPath(this.program), args)).code === 0;
  }
}

class RunningServer extends RunningSpire implements SpireServer {
  private constructor(
    { configFile, socketPath, child }: StartedSpire,
    readonly trustDomain: string,
    readonly port: number,
    readonly bundleFile: string,
  ) {
    super(configFile, socketPath, "spire-server", child);
  }

  static async start(options: SpireServerOptions): Promise<RunningServer> {
    const { trustDomain = "example.org", agentTtl = "1h", nodeAttestorBlock, moreServerOptions = "" } = options;
    const port = await freePort();
    const started = await startSpire("spire-server", options.dir, (dataDir, socketPath) =>
      serverConfigText({ dataDir, socketPath, trustDomain, port, agentTtl, nodeAttestorBlock, moreServerOptions }),
    );
    return new RunningServer(started, trustDomain, port, join(options.dir, "server", "bundle.pem"));
  }

  async agents(): Promise<AttestedAgent[]> {
    return (JSON.parse(await this.command("agent", "list", "-output", "json")) as { agents: AttestedAgent[] }).agents;
  }

  async createEntry({ spiffeId, parentId, selectors, node = false }: EntryOptions): Promise<string> {
    const args = ["-spiffeID", spiffeId, ...selectors.flatMap((selector) => ["-selector", selector])];
    if (parentId !== undefined) args.push("-parentID", parentId);
    if (node) args.push("-node");
    const answer = JSON.parse(await this.command("entry", "create", "-output", "json", ...args)) as {
      results: { status: { code: number; message: string }; entry: { id: string } }[];
    };
    const [result] = answer.results;
    if (result?.status.code !== 0) throw new Error(`entry for ${spiffeId} refused: ${result?.status.message}`);
    return result.entry.id;
  }

  async evict(spiffeId: string): Promise<void> {
    await this.command("agent", "evict", "-spiffeID", spiffeId);
  }

  async ban(spiffeId: string): Promise<void> {
    await this.command("agent", "ban", "-spiffeID", spiffeId);
  }

  command(...args: string[]): Promise<string> {
    const verbs = args.findIndex((arg) => arg.startsWith("-"));
    const at = verbs === -1 ? args.length : verbs;
    const withSocket = [...args.slice(0, at), "-socketPath", this.socketPath, ...args.slice(at)];
    return runChecked(peerPath("spire-server"), withSocket);
  }
}

class RunningAgent extends RunningSpire implements SpireAgent {
  private constructor(
    started: StartedSpire,
    private readonly options: SpireAgentOptions,
  ) {
    super(started.configFile, started.socketPath, "spire-agent", started.child);
  }

  static async start(options: SpireAgentOptions): Promise<RunningAgent> {
    const { server, nodeAttestorBlock, moreAgentOptions = "" } = options;
    const { trustDomain, port, bundleFile } = server;
    const started = await startSpire("spire-agent", options.dir, (dataDir, socketPath) =>
      agentConfigText({ dataDir, socketPath, trustDomain, port, bundleFile, nodeAttestorBlock, moreAgentOptions }),
    );
    return new RunningAgent(started, options);
  }

  async restart(): Promise<void> {
    await this.stop();
    this.child = await runSpire("spire-agent", this.configFile);
    if (this.options.waitUntilHealthy !== false) await this.waitUntilHealthy();
  }

  async fetchX509(): Promise<WorkloadSvid[]> {
    const args = ["api", "fetch", "x509", "-socketPath", this.socketPath, "-output", "json"];
    return (JSON.parse(await runChecked(peerPath("spire-agent"), args)) as { svids: WorkloadSvid[] }).svids;
  }
}

interface StartedSpire {
  configFile: string;
  socketPath: string;
  child: Child;
}

/** SPIRE unloads its plugins itself when its own process gets SIGTERM. */
async function startSpire(
  program: "spire-server" | "spire-agent",
  dir: string,
  configText: (dataDir: string, socketPath: string) => string,
): Promise<StartedSpire> {
  const home = join(dir, program.slice("spire-".length));
  const socketPath = join(home, "api.sock");
  await mkdir(home, { recursive: true, mode: 0o755 });
  const configFile = join(home, `${program}.conf`);
  await writeFile(configFile, configText(home, socketPath));
  return { configFile, socketPath, child: await runSpire(program, configFile) };
}

function runSpire(program: "spire-server" | "spire-agent", configFile: string): Promise<Child> {
  return startChild({ command: peerPath(program), args: ["run", "-config", configFile], stopGraceMs: 10_000 });
}
