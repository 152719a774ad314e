import { spireCert, withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "the intermediate before the plugin's own certificate",
    tree: (pki) => [
      withCertificates(pki, {
        client: { chainPem: pki.intermediate.certPem + pki.plugin.certPem, keyPem: pki.plugin.keyPem },
      }),
    ],
    causes: ["cert-order"],
    says: [`${spireCert} starts with CN=Book of Omens`, "CN=spire-server.keylime.funlab.casa comes as number 2"],
  },
];
