import { caFile, spireCert, withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "a leaf alone from the Go plugin, to a verifier that trusts the root",
    tree: (pki) => [
      withCertificates(pki, {
        client: { chainPem: pki.plugin.certPem, keyPem: pki.plugin.keyPem },
        clientCa: pki.root.certPem,
      }),
    ],
    causes: ["cert-chain-incomplete"],
    says: [
      `${caFile} does not hold its issuer CN=Book of Omens`,
      "unable to get local issuer certificate",
      "alert 48 unknown_ca",
      `append the intermediate CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US to ${spireCert}`,
    ],
  },
  {
    name: "none where OpenSSL completes the leaf from the plugin's own CA file",
    tree: (pki) => [
      withCertificates(pki, {
        client: { chainPem: pki.plugin.certPem, keyPem: pki.plugin.keyPem },
        clientCa: pki.root.certPem,
        ours: true,
      }),
    ],
    causes: [],
  },
];
