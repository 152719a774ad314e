import { runChecked } from "./run-command.js";
import { agentConfigText } from "./spire-config.js";
import { SpireProcess, type SpireProcessOptions, startSpireProcess } from "./spire-process.js";
import type { SpireServer } from "./spire-server.js";

export interface SpireAgentOptions extends SpireProcessOptions {
  server: SpireServer;
  /** HCL of the whole `NodeAttestor "…" { … }`; see `pluginBlock`. */
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

export async function startSpireAgent(options: SpireAgentOptions): Promise<SpireAgent> {
  const agent = await SpireAgent.start(options);
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
  private constructor(
    started: Awaited<ReturnType<typeof startSpireProcess>>,
    private readonly agentOptions: SpireAgentOptions,
  ) {
    super(agentOptions, started.home, started.child);
  }

  static async start(options: SpireAgentOptions): Promise<SpireAgent> {
    const { server, nodeAttestorBlock, moreAgentOptions = "" } = options;
    const { trustDomain, port, bundleFile } = server;
    const started = await startSpireProcess(options, "agent", (home) =>
      agentConfigText({ ...home, trustDomain, port, bundleFile, nodeAttestorBlock, moreAgentOptions }),
    );
    return new SpireAgent(started, options);
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
