import type { Attestation } from "../../rehearse/relay.js";
import { attestThrough, ourHalf } from "../halves.js";
import type { Outcome, Scene, Stage } from "../stage.js";
import { tellHandshakes } from "../wire.js";

/** The same server.conf, not a letter changed, read by this plugin: it knows both spellings of the key. */
export const attestWithSameFile: Scene = {
  title: "The same file with this plugin: the node attests",
  async play(stage) {
    const { world, tell } = stage;
    world.takeHandshakes();
    const server = await ourHalf(stage, "server");
    const attestation = await attestThrough(stage, server, await ourHalf(stage, "agent"));
    tellHandshakes(world.takeHandshakes(), "plugin → verifier", tell);
    if (attestation.result === undefined) {
      return { asExpected: false, text: attestation.failure?.message ?? "no answer" };
    }
    return await admitted(stage, attestation, attestation.result);
  },
};

async function admitted(
  { spire, criteria, tell }: Stage,
  { durationMs }: Attestation,
  { spiffeId, selectors }: NonNullable<Attestation["result"]>,
): Promise<Outcome> {
  criteria.saw("spire-agent-attests", `${spiffeId}, in ${Math.round(durationMs)} ms`);
  const listed = await spire.admit(spiffeId, "keylime", selectors);
  criteria.saw("agent-listed-as-keylime", `${listed.spiffeId}, attestation type ${listed.attestationType}`);
  tell({ type: "step", text: `SVID issued to the node: serial ${listed.serial}, until ${listed.expiresAt}` });
  const entry = { spiffeId: `spiffe://${spire.trustDomain}/web`, selectors: ["keylime:agent_mtls:true"] };
  const svid = await spire.issueWorkload(entry.spiffeId, entry.selectors);
  if (svid !== undefined) {
    tell({
      type: "step",
      text: `SVID issued to a workload because its node has ${entry.selectors.join(", ")}: ${svid.spiffeId}`,
    });
    criteria.saw("workload-svid-issued", `${svid.spiffeId}, serial ${svid.serial}`);
  }
  return { asExpected: svid !== undefined, text: `attested as ${spiffeId}` };
}
