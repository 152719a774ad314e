import { pluginCertificate, spireCert, withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "a plugin certificate for servers only",
    tree: async (pki) => [withCertificates(pki, { client: await pluginCertificate(pki, { eku: ["serverAuth"] }) })],
    causes: ["cert-no-client-auth"],
    says: ["lacks clientAuth: extended key usage serverAuth", spireCert, "/etc/spire/server.conf:12"],
  },
  {
    name: "a key usage that allows no signature",
    tree: async (pki) => [
      withCertificates(pki, { client: await pluginCertificate(pki, { keyUsage: ["keyEncipherment"] }) }),
    ],
    causes: ["cert-no-client-auth"],
    says: ["its key usage does not allow clientAuth", "alert 43 unsupported_certificate"],
  },
];
