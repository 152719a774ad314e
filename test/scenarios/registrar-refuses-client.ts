import { liveScenario } from "./support/live-set-ups.js";

const nameless = { cert: "/etc/keylime/certs/nameless.crt", key: "/etc/keylime/certs/nameless.key" };

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
  liveScenario({
    name: "a certificate for the registrar that has no common name",
    changes: () => ({
      server: { keylime_registrar_tls_cert_file: nameless.cert, keylime_registrar_tls_key_file: nameless.key },
    }),
    async files(_, pki) {
      const { chainPem, keyPem } = await pki.issue({ subject: "C=US, O=Funlab.Casa", eku: ["clientAuth"] });
      return { [nameless.cert]: chainPem, [nameless.key]: { text: keyPem, mode: 0o600 } };
    },
    causes: ["registrar-refuses-client"],
    says: [`refuses the plugin's client certificate ${nameless.cert} (HTTP 403`, "with a common name"],
  }),
];
