import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { installPlugin } from "../lab-files.js";
import type { Outcome, Scene, Stage } from "../scene.js";

/** Makes the scene that replaces the executable at plugin_cmd by this program, and nothing else. */
export function attestWithSameFile(executable: string): Scene {
  return {
    title: "The same file with this plugin: the node attests",
    async play(stage) {
      const { world, tell } = stage;
      const { configFile, plugin } = world.files.spireServer;
      const before = await digest(configFile);
      await installPlugin(plugin, { executable, args: ["plugin", "server"] });
      tell({ type: "step", text: `the executable at plugin_cmd is now this program's server half` });
      await world.spire.loadServer(tell);
      const { spiffeId, failure } = await world.spire.attest(tell);
      if (spiffeId === undefined) return { asExpected: false, text: failure?.message ?? "no answer" };
      const unchanged = (await digest(configFile)) === before;
      const outcome = await admitted(stage, spiffeId);
      return {
        ...outcome,
        asExpected: outcome.asExpected && unchanged,
        ...(unchanged
          ? {
              why: `${configFile} is unchanged (sha256 ${before.slice(0, 16)}…): both spellings of the key are known here`,
            }
          : {}),
      };
    },
  };
}

async function admitted({ world: { spire }, criteria, tell }: Stage, spiffeId: string): Promise<Outcome> {
  criteria.saw("spire-agent-attests", spiffeId);
  const listed = (await spire.agents()).find((agent) => agent.spiffeId === spiffeId);
  if (listed === undefined) return { asExpected: false, text: `attested as ${spiffeId}, but not in the agent list` };
  const { attestationType, canReattest, source } = listed;
  tell({
    type: "step",
    text: `${source}: ${spiffeId}, attestation type ${attestationType}, can re-attest: ${canReattest}`,
  });
  if (attestationType === "keylime")
    criteria.saw("agent-listed-as-keylime", `${source}: attestation type ${attestationType}`);
  const nodeSelector = "keylime:agent_mtls:true";
  const svid = await spire.issueWorkload(`spiffe://${spire.trustDomain}/web`, [nodeSelector]);
  tell({ type: "step", text: `${svid.source}: X.509-SVID ${svid.spiffeId}, because its node has ${nodeSelector}` });
  criteria.saw("workload-svid-issued", `${svid.spiffeId}, serial ${svid.serial}, from ${svid.source}`);
  return { asExpected: true, text: `attested as ${spiffeId}` };
}

async function digest(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}
