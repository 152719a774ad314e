import { randomBytes } from "node:crypto";
import { verifierAgent } from "../../peers/real/enrolment.js";
import { until } from "../../peers/real/until.js";
import type { Scene } from "../scene.js";
import { guardedPcr } from "./enrol-machine.js";

/** State 9: the verifier refused a quote (Keylime's cloud_verifier_common states). */
const invalidQuote = 9;

/** Something changes on the machine, the verifier sees it in the next quote, and SPIRE refuses the node. */
export const refuseFailedMachine: Scene = {
  title: "The machine changes, and is refused",
  async play({ world, tell, signal }) {
    const { keylime, agentId, spire } = world;
    world.tpm.extend(guardedPcr, randomBytes(32));
    tell({ type: "step", text: `PCR ${guardedPcr} of the machine's TPM was extended, as by a changed boot component` });
    const { last_event_id } = await until(
      async () => {
        const agent = await verifierAgent(keylime, agentId);
        return agent.operational_state === invalidQuote && agent;
      },
      { what: "the verifier to refuse the machine's quote", timeoutMs: 30_000, signal },
    );
    tell({ type: "step", text: `the verifier refused the next quote: state ${invalidQuote}, event ${last_event_id}` });
    const { failure } = await spire.attest(tell);
    if (failure === undefined) return { asExpected: false, text: "it attested all the same" };
    const listed = (await spire.agents()).length;
    return {
      asExpected: failure.code === "PERMISSION_DENIED" && listed === 0,
      text: `refused: ${failure.code}`,
      why: `the quote no longer has the PCR value that the verifier's policy names; agents in SPIRE's list now: ${listed}`,
    };
  },
};
