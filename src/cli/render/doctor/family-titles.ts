import type { Family } from "../../../doctor/checks/check.js";

/** The categories as people read them. */
export const familyTitles: Record<Family, string> = {
  spire: "SPIRE's configuration and the plugin",
  files: "Files and who may read them",
  certificates: "Certificates and trust",
  verifier: "The verifier's configuration",
  live: "The services, asked live",
  node: "The node and its Keylime agent",
};
