import { createRootCa } from "../../src/peers/pki/authority.js";
import { pluginCertificate, withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "an RSA key of 1024 bits",
    tree: async (pki) => [withCertificates(pki, { client: await pluginCertificate(pki, { keyType: "rsa1024" }) })],
    causes: ["cert-weak"],
    says: ["the RSA key of 1024 bits", "EE certificate key too weak (EE_KEY_TOO_SMALL)", "alert 42 bad_certificate"],
  },
  {
    name: "a signature with SHA-1",
    tree: async (pki) => {
      const root = await createRootCa({ commonName: "root", keyType: "rsa2048" });
      const client = await root.issue({ commonName: "spire", eku: ["clientAuth"], hash: "SHA-1" });
      return [withCertificates(pki, { client, clientCa: root.certPem })];
    },
    causes: ["cert-weak"],
    says: ["the sha1 signature of CN=spire", "CA_MD_TOO_WEAK"],
  },
];
