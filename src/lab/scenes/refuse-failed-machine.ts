import { randomBytes } from "node:crypto";
import { StatusCode } from "../../goplugin/status-error.js";
import { attestThrough, ourHalf } from "../halves.js";
import type { Scene } from "../stage.js";
import { waitFor } from "../wait-for.js";
import { guardedPcr } from "./enrol-machine.js";

/** State 9: the verifier refused a quote (Keylime's cloud_verifier_common states). */
const invalidQuote = 9;

/** Something changes on the machine, the verifier sees it in the next quote, and SPIRE refuses the node. */
export const refuseFailedMachine: Scene = {
  title: "The machine changes, and is refused",
  async play(stage) {
    const { world, tell, signal } = stage;
    world.tpm.extend(guardedPcr, randomBytes(32));
    tell({ type: "step", text: `PCR ${guardedPcr} of the machine's TPM was extended, as by a changed boot component` });
    const entry = await waitFor(
      "the verifier to refuse the machine's quote",
      () => {
        const found = world.verifier.agent(world.agentId);
        return found?.operationalState === invalidQuote ? found : undefined;
      },
      { signal },
    );
    tell({
      type: "step",
      text: `the verifier refused the next quote: state ${invalidQuote}, event ${entry.lastEventId}`,
    });
    const attestation = await attestThrough(stage, await ourHalf(stage, "server"), await ourHalf(stage, "agent"));
    const { failure } = attestation;
    return {
      asExpected: failure?.code === StatusCode.PERMISSION_DENIED,
      text:
        failure === undefined
          ? "it attested all the same"
          : `${StatusCode[failure.code]} nodeattestor(keylime): ${failure.message}`,
    };
  },
};
