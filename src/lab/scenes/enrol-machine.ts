import { enrolAtVerifier, registrarRecord, untilAttested } from "../../peers/real/enrolment.js";
import { httpsRequest } from "../../peers/real/https-request.js";
import type { Scene, Stage } from "../scene.js";
import type { World } from "../world.js";

/** The PCR that the last scene extends: the machine is enrolled with its value of now. */
export const guardedPcr = 14;

/** The machine's Keylime agent registers, is enrolled at the verifier and passes its first round. */
export const enrolMachine: Scene = {
  title: "One machine under Keylime's care",
  async play(stage) {
    const { world, tell, criteria, signal } = stage;
    const { agentId, keylime } = world;
    await callAgent(stage);
    await world.keylimeAgent.register();
    const record = await registrarRecord(keylime, agentId);
    tell({ type: "step", text: "it registered: its TPM's endorsement key opened the registrar's challenge" });
    criteria.saw("agent-registered", `the registrar holds ${agentId}, activated, at ${record.ip}:${record.port}`);
    await enrolAtVerifier(keylime, agentId, {
      tpmPolicy: tpmPolicy(world),
      fields: { metadata: JSON.stringify({ rack: "tower-of-omens" }) },
    });
    tell({
      type: "step",
      text: `enrolled at the verifier, which must find PCR ${guardedPcr} unchanged at every round`,
    });
    const { operational_state, attestation_count, attestation_status } = await untilAttested(
      keylime,
      agentId,
      1,
      signal,
    );
    return {
      asExpected: true,
      text: `the verifier accepted the machine's quote: state ${operational_state}, ${attestation_status}, rounds completed: ${attestation_count}`,
    };
  },
};

async function callAgent({ world, tell, criteria }: Stage): Promise<void> {
  const { agentId, keylimeAgent, pki, files } = world;
  const url = `https://127.0.0.1:${keylimeAgent.address.port}/v2.2/agent/info`;
  const { status, json } = await httpsRequest(url, {
    caPem: pki.caCompleteChainPem,
    identity: { certPem: pki.verifier.chainPem, keyPem: pki.verifier.keyPem },
  });
  const uuid = (json as { results?: { agent_uuid?: string } } | undefined)?.results?.agent_uuid;
  tell({ type: "call", call: `GET ${url}`, presenting: files.verifierCert, answer: `${status} agent_uuid ${uuid}` });
  if (uuid === agentId) criteria.saw("keylime-agent-operational", `it answers at ${url} as ${uuid}, a UUID of its own`);
}

function tpmPolicy({ tpm }: World): string {
  const pcr = tpm.readPcr(guardedPcr).toString("hex");
  return JSON.stringify({ mask: `0x${(1 << guardedPcr).toString(16)}`, [guardedPcr]: [pcr] });
}
