import { systemClock } from "../../core/clock.js";
import { spareMemory } from "../../core/spare-memory.js";
import { AgentNodeAttestorService, createHclogLogger, servePlugin } from "../../plugin-sdk/index.js";
import { AgentHalf } from "./agent-half.js";

/** Runs the agent half for the SPIRE agent that started this process; resolves with the exit code. */
export async function runAgentPlugin(): Promise<number> {
  spareMemory();
  const logger = createHclogLogger();
  const half = new AgentHalf({ clock: systemClock, logger });
  const { exitCode } = await servePlugin({
    type: "NodeAttestor",
    pluginService: { definition: AgentNodeAttestorService, implementation: half.nodeAttestor },
    config: half,
    logger,
    startedByHand:
      "put what `spire-keylime plugin block agent` prints into plugins { } of agent.conf; `spire-keylime rehearse` attests without SPIRE",
    onUnload: () => half.close(),
  });
  return exitCode;
}
