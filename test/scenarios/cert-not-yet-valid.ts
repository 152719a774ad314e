import { pluginCertificate, withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "the plugin's certificate starts tomorrow",
    tree: async (pki) => [
      withCertificates(pki, { client: await pluginCertificate(pki, { notBefore: new Date(Date.now() + 86_400_000) }) }),
    ],
    causes: ["cert-not-yet-valid"],
    says: ["is not valid before", "date -u"],
  },
];
