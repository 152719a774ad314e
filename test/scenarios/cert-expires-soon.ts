import { pluginCertificate, spireCert, withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";

const hourMs = 3_600_000;
const ofADay = (ageMs: number) => ({
  notBefore: new Date(Date.now() - ageMs),
  notAfter: new Date(Date.now() - ageMs + 24 * hourMs),
});

export const scenarios: readonly Scenario[] = [
  {
    name: "a certificate of 24 hours with seven left",
    tree: async (pki) => [withCertificates(pki, { client: await pluginCertificate(pki, ofADay(17 * hourMs)) })],
    causes: [],
    findings: ["cert-expires-soon"],
    says: [spireCert, "less than a third of its lifetime is left"],
  },
  {
    name: "none with nine left",
    tree: async (pki) => [withCertificates(pki, { client: await pluginCertificate(pki, ofADay(15 * hourMs)) })],
    causes: [],
  },
];
