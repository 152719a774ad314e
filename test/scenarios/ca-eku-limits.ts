import { withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "an intermediate for servers only above the plugin's certificate",
    tree: async (pki) => {
      const ca = await pki.root.issueCa({ commonName: "servers only", eku: ["serverAuth"] });
      const client = await ca.issue({ commonName: "spire", eku: ["clientAuth"] });
      return [withCertificates(pki, { client, clientCa: pki.root.certPem })];
    },
    causes: ["ca-eku-limits"],
    says: [
      "CN=servers only above it is limited: its extended key usage is serverAuth, without clientAuth",
      "alert 43 unsupported_certificate",
    ],
  },
];
