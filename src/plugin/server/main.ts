import { systemClock } from "../../core/clock.js";
import { spareMemory } from "../../core/spare-memory.js";
import {
  createHclogLogger,
  createHostServices,
  ServerNodeAttestorService,
  servePlugin,
} from "../../plugin-sdk/index.js";
import { ServerHalf } from "./server-half.js";

/** Runs the server half for the SPIRE server that started this process; resolves with the exit code. */
export async function runServerPlugin(): Promise<number> {
  spareMemory();
  const logger = createHclogLogger();
  const hostServices = createHostServices();
  const half = new ServerHalf({ clock: systemClock, logger, metrics: hostServices.metrics });
  const { exitCode } = await servePlugin({
    type: "NodeAttestor",
    pluginService: { definition: ServerNodeAttestorService, implementation: half.nodeAttestor },
    config: half,
    hostServices,
    logger,
    startedByHand:
      "put what `spire-keylime plugin block server` prints into plugins { } of server.conf; `spire-keylime rehearse` attests without SPIRE",
    onUnload: () => half.close(),
  });
  return exitCode;
}
