import { caFile, withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "a verifier that trusts the intermediate alone",
    tree: (pki) => [withCertificates(pki, { clientCa: pki.intermediate.certPem })],
    causes: ["ca-bundle-incomplete"],
    says: [
      `${caFile} holds CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US and not the root CN=Eye of Thundera above it`,
      "unable to get issuer certificate (UNABLE_TO_GET_ISSUER_CERT)",
      "alert 48 unknown_ca",
      `append the root CN=Eye of Thundera to ${caFile}, then restart the verifier`,
    ],
  },
  {
    name: "our plugin with the intermediate alone as its CA file",
    tree: (pki) => [withCertificates(pki, { serverCa: pki.intermediate.certPem, ours: true })],
    causes: ["ca-bundle-incomplete"],
    says: ["the server plugin refuses the verifier's certificate", "then restart the SPIRE server"],
  },
];
