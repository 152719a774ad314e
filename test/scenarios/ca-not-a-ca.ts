import type { CaOptions } from "../../src/peers/pki/authority.js";
import type { FieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { runByPython, withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";

const below = async (pki: FieldReportPki, options: CaOptions) => {
  const ca = await pki.root.issueCa({ commonName: "Mumm-Ra", ...options });
  return ca.issue({ commonName: "spire", eku: ["clientAuth"] });
};

export const scenarios: readonly Scenario[] = [
  {
    name: "an issuer without CA:TRUE",
    tree: async (pki) => [
      withCertificates(pki, { client: await below(pki, { ca: false }), clientCa: pki.root.certPem }),
    ],
    causes: ["ca-not-a-ca"],
    says: ["CN=Mumm-Ra may not sign what it signed: it lacks CA:TRUE", "invalid CA certificate"],
  },
  {
    name: "an issuer without keyCertSign",
    tree: async (pki) => [
      withCertificates(pki, {
        client: await below(pki, { keyUsage: ["digitalSignature"] }),
        clientCa: pki.root.certPem,
      }),
    ],
    causes: ["ca-not-a-ca"],
    says: ["its key usage lacks keyCertSign"],
  },
  {
    name: "more CAs than a path length allows",
    tree: async (pki) => {
      const ca = await pki.intermediate.issueCa({ commonName: "too deep" });
      const client = await ca.issue({ commonName: "spire", eku: ["clientAuth"] });
      return [withCertificates(pki, { client })];
    },
    causes: ["ca-not-a-ca"],
    says: ["more CAs stand below it than its path length allows", "CN=Book of Omens"],
  },
  {
    name: "a CA without key usage, for Python 3.13",
    tree: async (pki) => [
      withCertificates(pki, { client: await below(pki, { omit: ["keyUsage"] }), clientCa: pki.root.certPem }),
      runByPython("3.13"),
    ],
    causes: ["ca-not-a-ca"],
    says: [
      "CN=Mumm-Ra may not sign what it signed: it has no key usage, which Python's ssl from 3.13 on",
      "critical basic constraints, keyCertSign and both key identifiers",
    ],
  },
];
