import { createRootCa } from "../../src/peers/pki/authority.js";
import { caFile, namesake, withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "a verifier that trusts another CA",
    tree: async (pki) => [
      withCertificates(pki, { clientCa: (await createRootCa({ commonName: "Plun-Darr" })).certPem }),
    ],
    causes: ["ca-wrong"],
    says: [
      "the verifier refuses the server plugin's certificate CN=spire-server.keylime.funlab.casa",
      "it was issued below CN=Eye of Thundera",
      `${caFile} holds CN=Plun-Darr`,
      "alert 48 unknown_ca",
    ],
  },
  {
    name: "a verifier that trusts a CA of the same name with another key",
    tree: async (pki) => [withCertificates(pki, { clientCa: (await namesake(pki)).certPem })],
    causes: ["ca-wrong"],
    says: ["with another key than the one that signed", "same name, other key"],
  },
  {
    name: "a plugin whose CA file never signed the verifier",
    tree: (pki) => [withCertificates(pki, { serverCa: pki.cvCa.ca.certPem, ours: true })],
    causes: ["ca-wrong"],
    says: ["the server plugin refuses the verifier's certificate", "/etc/spire/server.conf:"],
  },
];
