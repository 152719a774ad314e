import { enrol } from "../admin.js";
import { registrarUrl, type Scene, type Stage, verifierUrl } from "../stage.js";
import { waitFor } from "../wait-for.js";

/** The PCR that the last scene extends: the machine is enrolled with its value of now. */
export const guardedPcr = 14;

/** The machine's Keylime agent registers, is enrolled at the verifier and passes its first round. */
export const enrolMachine: Scene = {
  title: "One machine under Keylime's care",
  async play(stage) {
    const { world, tell, criteria } = stage;
    const { agent, agentId } = world;
    tell({ type: "step", text: `the Keylime agent serves https://127.0.0.1:${agent.address.port} as ${agentId}` });
    criteria.saw("keylime-agent-operational", `agent ${agentId} answers on port ${agent.address.port}`);
    await agent.register();
    const record = world.registrar.agents().find((entry) => entry.agentId === agentId);
    tell({
      type: "step",
      text: `it registered: the registrar's credential was activated with the TPM's endorsement key`,
    });
    if (record?.active) criteria.saw("agent-registered", `the registrar holds ${agentId}, active`);
    await enrolWithPolicy(stage);
    tell({
      type: "step",
      text: `enrolled at the verifier, which must find PCR ${guardedPcr} unchanged at every round`,
    });
    const entry = await waitFor(
      "the verifier's first completed round",
      () => {
        const found = world.verifier.agent(agentId);
        return found !== undefined && found.attestationCount > 0 ? found : undefined;
      },
      { signal: stage.signal },
    );
    return {
      asExpected: record?.active === true,
      text: `the verifier accepted the machine's quote (state ${entry.operationalState}, ${entry.attestationCount} completed)`,
    };
  },
};

function enrolWithPolicy({ world }: Stage): Promise<void> {
  const pcr = world.tpm.readPcr(guardedPcr).toString("hex");
  return enrol(world.files, {
    verifierUrl: verifierUrl(world),
    registrarUrl: registrarUrl(world),
    agentId: world.agentId,
    tpmPolicy: { mask: `0x${(1 << guardedPcr).toString(16)}`, [guardedPcr]: [pcr] },
    metadata: { rack: "tower-of-omens" },
  });
}
