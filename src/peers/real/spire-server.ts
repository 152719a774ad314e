import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Problem } from "../../core/problem.js";
import type { Child } from "./child.js";
import { freePort } from "./free-port.js";
import { runChecked } from "./run-command.js";
import { serverConfigText } from "./spire-config.js";
import { runSpire, SpireProcess, type SpireProcessOptions, spireHomeBelow, writeSpireConfig } from "./spire-process.js";

/** What is known of a server whose configuration file stands already. */
export interface ConfiguredSpireServer extends SpireProcessOptions {
  trustDomain: string;
  port: number;
}

export interface SpireServerOptions extends Omit<SpireProcessOptions, "home"> {
  /** An existing directory with a short path: the admin socket goes below it. */
  dir: string;
  /** `example.org` without. */
  trustDomain?: string;
  /** A free one is chosen without. */
  port?: number;
  /** HCL of the whole `NodeAttestor "…" { … }`; see `pluginBlock`. */
  nodeAttestorBlock: string;
  /** Lifetime of the agents' SVIDs as SPIRE writes durations; `1h` without. */
  agentTtl?: string;
  /** HCL inside `server { … }`. */
  moreServerOptions?: string;
  /** HCL beside `server { … }`, such as `telemetry { … }`. */
  moreBlocks?: string;
}

/** As `spire-server agent list -output json` prints it. */
export interface AttestedAgent {
  id: { trust_domain: string; path: string };
  attestation_type: string;
  x509svid_serial_number: string;
  /** Seconds since 1970. */
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

/** Configures and starts spire-server. */
export async function startSpireServer(options: SpireServerOptions): Promise<SpireServer> {
  const {
    dir,
    trustDomain = "example.org",
    agentTtl = "1h",
    nodeAttestorBlock,
    moreServerOptions = "",
    moreBlocks,
  } = options;
  const port = options.port ?? (await freePort());
  const home = spireHomeBelow(dir, "server");
  const text = serverConfigText({
    ...home,
    trustDomain,
    port,
    agentTtl,
    nodeAttestorBlock,
    moreServerOptions,
    moreBlocks,
  });
  await writeSpireConfig(home, text);
  return await runSpireServer({ ...options, home, trustDomain, port });
}

/** Starts spire-server and waits until it is healthy; rejects with its log when it ends, as for a plugin that fails. */
export async function runSpireServer(options: ConfiguredSpireServer): Promise<SpireServer> {
  const server = new SpireServer(options, await runSpire(options));
  try {
    await server.waitUntilHealthy(30_000);
    await writeFile(server.bundleFile, await server.command("bundle", "show", "-format", "pem"));
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** A running spire-server; its CLI is asked through its admin socket. */
export class SpireServer extends SpireProcess {
  constructor(
    private readonly serverOptions: ConfiguredSpireServer,
    child: Child,
  ) {
    super(serverOptions, child);
  }

  get trustDomain(): string {
    return this.serverOptions.trustDomain;
  }

  get port(): number {
    return this.serverOptions.port;
  }

  /** A file with the trust bundle that agents start from. */
  get bundleFile(): string {
    return join(this.home.dataDir, "bundle.pem");
  }

  async agents(): Promise<AttestedAgent[]> {
    return (JSON.parse(await this.command("agent", "list", "-output", "json")) as { agents: AttestedAgent[] }).agents;
  }

  /** Returns the entry's id. */
  async createEntry({ spiffeId, parentId, selectors, node = false }: EntryOptions): Promise<string> {
    const args = ["-spiffeID", spiffeId, ...selectors.flatMap((selector) => ["-selector", selector])];
    if (parentId !== undefined) args.push("-parentID", parentId);
    if (node) args.push("-node");
    const answer = JSON.parse(await this.command("entry", "create", "-output", "json", ...args)) as {
      results: { status: { code: number; message: string }; entry: { id: string } }[];
    };
    const [result] = answer.results;
    if (result?.status.code === 0) return result.entry.id;
    const message = `spire-server refused the entry for ${spiffeId}: ${result?.status.message}`;
    throw new Problem("spire-entry", message, { culprit: "peer" });
  }

  async evict(spiffeId: string): Promise<void> {
    await this.command("agent", "evict", "-spiffeID", spiffeId);
  }

  async ban(spiffeId: string): Promise<void> {
    await this.command("agent", "ban", "-spiffeID", spiffeId);
  }

  /** Any `spire-server` command at this server's socket; returns stdout. */
  command(...args: string[]): Promise<string> {
    const verbs = args.findIndex((arg) => arg.startsWith("-"));
    const at = verbs === -1 ? args.length : verbs;
    const withSocket = [...args.slice(0, at), "-socketPath", this.socketPath, ...args.slice(at)];
    return runChecked(this.serverOptions.program, withSocket);
  }
}
