import { withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "a verifier's certificate for clients only",
    tree: async (pki) => [
      withCertificates(pki, { server: await pki.issue({ commonName: "verifier", eku: ["clientAuth"] }), ours: true }),
    ],
    causes: ["cert-no-server-auth"],
    says: ["CN=verifier in /etc/keylime/certs/verifier.crt lacks serverAuth: extended key usage clientAuth"],
  },
];
