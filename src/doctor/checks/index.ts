import type { FaultId } from "../../faults/faults.js";
import { certificateChecks } from "./certificates/index.js";
import type { Check } from "./check.js";
import { fileChecks } from "./files/index.js";
import { liveChecks } from "./live/index.js";
import { nodeChecks } from "./node/index.js";
import { spireChecks } from "./spire/index.js";
import { verifierChecks } from "./verifier/index.js";

/** Every check by the fault it looks for; a fault without one does not compile. */
export const checks: Readonly<Record<FaultId, Check>> = {
  ...spireChecks,
  ...fileChecks,
  ...certificateChecks,
  ...verifierChecks,
  ...liveChecks,
  ...nodeChecks,
};
