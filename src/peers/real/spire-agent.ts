import type { Child } from "./child.js";
import { runChecked } from "./run-command.js";
import { agentConfigText } from "./spire-config.js";
import { runSpire, SpireProcess, type SpireProcessOptions, spireHomeBelow, writeSpireConfig } from "./spire-process.js";
import type { SpireServer } from "./spire-server.js";

/** What is known of an agent whose configuration file stands already. */
export interface ConfiguredSpireAgent extends SpireProcessOptions {
  /** false returns as soon as the process runs: for attestations that must fail. */
  waitUntilHealthy?: boolean;
}

export interface SpireAgentOptions extends Omit<ConfiguredSpireAgent, "home"> {
  /** An existing directory with a short path: the Workload API's socket goes below it. */
  dir: string;
  server: SpireServer;
  /** HCL of the whole `NodeAttestor "…" { … }`; see `pluginBlock`. */
  nodeAttestorBlock: string;
  /** HCL inside `agent { … }`. */
  moreAgentOptions?: string;
}

/** As `spire-agent api fetch x509 -output json` prints it. */
export interface WorkloadSvid {
  spiffe_id: string;
  /** Base64 of DER. */
  x509_svid: string;
  bundle: string;
}

/** Configures and starts spire-agent. */
export async function startSpireAgent(options: SpireAgentOptions): Promise<SpireAgent> {
  const { dir, server, nodeAttestorBlock, moreAgentOptions = "" } = options;
  const { trustDomain, port, bundleFile } = server;
  const home = spireHomeBelow(dir, "agent");
  await writeSpireConfig(
    home,
    agentConfigText({ ...home, trustDomain, port, bundleFile, nodeAttestorBlock, moreAgentOptions }),
  );
  return await runSpireAgent({ ...options, home });
}

/** Starts spire-agent; rejects with its log when it ends or stays unhealthy, unless told not to wait. */
export async function runSpireAgent(options: ConfiguredSpireAgent): Promise<SpireAgent> {
  const agent = new SpireAgent(options, await runSpire(options));
  try {
    if (options.waitUntilHealthy !== false) await agent.waitUntilHealthy();
    return agent;
  } catch (error) {
    await agent.stop();
    throw error;
  }
}

/** A running spire-agent. */
export class SpireAgent extends SpireProcess {
  constructor(
    private readonly agentOptions: ConfiguredSpireAgent,
    child: Child,
  ) {
    super(agentOptions, child);
  }

  /** Starts anew; the keys are in memory, so it attests again. */
  async restart(): Promise<void> {
    await this.stop();
    await this.startAgain();
    if (this.agentOptions.waitUntilHealthy !== false) await this.waitUntilHealthy();
  }

  /** What the Workload API gives to a child of this process; rejects while no identity is issued. */
  async fetchX509(): Promise<WorkloadSvid[]> {
    const args = ["api", "fetch", "x509", "-socketPath", this.socketPath, "-output", "json"];
    return (JSON.parse(await runChecked(this.agentOptions.program, args)) as { svids: WorkloadSvid[] }).svids;
  }
}
