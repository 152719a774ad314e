import { type HalfName, type RunningHalf, startHalf } from "../rehearse/half.js";
import { type Attestation, relayAttestation } from "../rehearse/relay.js";
import { loadPluginData, loadSpireConf, nodeAttestorOf } from "../spire/spire-conf.js";
import type { Stage } from "./stage.js";

const startTimeoutMs = 20_000;
const attestTimeoutMs = 20_000;

/** Starts one half with the plugin_data of the lab's own server.conf or agent.conf, whatever plugin_cmd says there. */
export async function startHalfOf(
  stage: Stage,
  half: HalfName,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<RunningHalf> {
  const { files } = stage.world;
  const conf = await loadSpireConf(half === "server" ? files.serverConf : files.agentConf);
  const block = nodeAttestorOf(conf);
  return await startHalf(
    half,
    { name: "keylime", command: stage.executable, args, data: await loadPluginData(block), env },
    {
      trustDomain: stage.spire.trustDomain,
      startTimeoutMs,
      signal: stage.signal,
      onLog: (source, { level, message }) => {
        if (level !== "debug" && level !== "trace")
          stage.tell({ type: "log", source: `${source} plugin`, level, text: message });
      },
    },
  );
}

/** Our own half, the same process for all scenes. */
export async function ourHalf(stage: Stage, half: HalfName): Promise<RunningHalf> {
  stage.pair[half] ??= await startHalfOf(stage, half, ["plugin", half]);
  return stage.pair[half];
}

export async function attestThrough(stage: Stage, server: RunningHalf, agent: RunningHalf): Promise<Attestation> {
  const { signal } = stage;
  const attestation = await relayAttestation({ server, agent, timeoutMs: attestTimeoutMs, signal, keepMessages: true });
  stage.tell({ type: "exchange", messages: attestation.messages ?? [] });
  return attestation;
}
