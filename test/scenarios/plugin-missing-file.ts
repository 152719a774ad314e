import type { Scenario } from "./support/scenario.js";
import { healthy, mendedData, serverConf, spireConf } from "./support/set-ups.js";

const renamed = mendedData.map((line) => line.replace("verifier.crt", "spire-server.crt"));

export const scenarios: readonly Scenario[] = [
  {
    name: "a certificate file that is not there",
    tree: (pki) => [healthy(pki), { [serverConf]: spireConf("server", { data: renamed }) }],
    causes: ["plugin-missing-file"],
    says: ["/etc/keylime/certs/spire-server.crt does not exist", `${serverConf}:13`, "keylime_tls_cert_file"],
  },
  {
    name: "a CA file that is not there, which one service names for two uses",
    tree: (pki) => [healthy(pki), { "/etc/keylime/certs/ca.crt": null }],
    causes: ["plugin-missing-file"],
    says: ["/etc/keylime/certs/ca.crt does not exist, and the verifier needs it"],
  },
  {
    name: "a default that is not there, for want of a key",
    tree: (pki) => [
      healthy(pki),
      { [serverConf]: spireConf("server", { data: mendedData.filter((line) => !line.includes("_ca_cert_file")) }) },
      { "/var/lib/keylime/cv_ca/cacert.crt": null },
    ],
    causes: ["plugin-missing-file"],
    says: [
      "keylime_tls_ca_cert_file of the server plugin is not set: its default is /var/lib/keylime/cv_ca/cacert.crt",
    ],
  },
];
