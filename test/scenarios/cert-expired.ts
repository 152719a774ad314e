import { createRootCa } from "../../src/peers/pki/authority.js";
import { caFile, pluginCertificate, spireCert, withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";

const dayMs = 86_400_000;
const past = { notBefore: new Date(Date.now() - 3 * dayMs), notAfter: new Date(Date.now() - dayMs) };

export const scenarios: readonly Scenario[] = [
  {
    name: "the plugin's certificate",
    tree: async (pki) => [withCertificates(pki, { client: await pluginCertificate(pki, past) })],
    causes: ["cert-expired"],
    says: [`CN=spire-server.keylime.funlab.casa in ${spireCert} expired at`, "this host's clock"],
  },
  {
    name: "the verifier's certificate, which the Go plugin would not even look at",
    tree: async (pki) => [withCertificates(pki, { server: await pki.issue({ commonName: "verifier", ...past }) })],
    causes: ["cert-expired"],
    says: ["CN=verifier in /etc/keylime/certs/verifier.crt expired at"],
  },
  {
    name: "the root that the verifier trusts",
    tree: async (pki) => {
      const root = await createRootCa({ commonName: "old root", notAfter: past.notAfter, notBefore: past.notBefore });
      const client = await root.issue({ commonName: "spire", eku: ["clientAuth"] });
      return [withCertificates(pki, { client, clientCa: root.certPem })];
    },
    causes: ["cert-expired"],
    says: [
      "CN=old root expired at",
      caFile,
      "certificate has expired (CERT_HAS_EXPIRED)",
      "alert 45 certificate_expired",
    ],
  },
];
