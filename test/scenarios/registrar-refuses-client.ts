import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "a registrar that trusts another CA than the plugin's",
    plant: ({ registrar }, pki) =>
      registrar.rotateTls({
        certPem: pki.registrar.chainPem,
        keyPem: pki.registrar.keyPem,
        trustedClientCaPem: pki.cvCa.ca.certPem,
      }),
    causes: ["registrar-refuses-client"],
    says: [
      "refuses the plugin's client certificate /etc/keylime/certs/spire-server.crt",
      "alert 48 unknown_ca",
      "registrar.conf",
    ],
  }),
];
