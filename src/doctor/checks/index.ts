import { certificateChecks } from "./certificates/index.js";
import type { Checks } from "./check.js";
import { fileChecks } from "./files/index.js";
import { liveChecks } from "./live/index.js";
import { nodeChecks } from "./node/index.js";
import { spireChecks } from "./spire/index.js";
import { verifierChecks } from "./verifier/index.js";

/** Every check by the fault it looks for. */
export const checks: Checks = {
  ...spireChecks,
  ...fileChecks,
  ...certificateChecks,
  ...verifierChecks,
  ...liveChecks,
  ...nodeChecks,
};
