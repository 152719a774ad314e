import {
  type SpireAgent,
  type SpireAgentOptions,
  startSpireAgent as startAgent,
} from "../../../src/peers/real/spire-agent.js";
import {
  type SpireServer,
  type SpireServerOptions,
  startSpireServer as startServer,
} from "../../../src/peers/real/spire-server.js";
import { peerPath } from "./peers.js";

export type { SpireLogEntry } from "../../../src/peers/real/spire-process.js";
export type { SpireAgent, SpireServer };

/** As in `src/peers/real`, with the programs that the tests use. */
export function startSpireServer(options: Omit<SpireServerOptions, "program">): Promise<SpireServer> {
  return startServer({ ...options, program: peerPath("spire-server") });
}

export function startSpireAgent(options: Omit<SpireAgentOptions, "program">): Promise<SpireAgent> {
  return startAgent({ ...options, program: peerPath("spire-agent") });
}
