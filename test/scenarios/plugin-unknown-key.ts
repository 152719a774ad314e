import type { Scenario } from "./support/scenario.js";
import { healthy, reportedData, serverConf, spireConf } from "./support/set-ups.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "two keys that the Go plugin ignores, so that its default certificate is presented",
    tree: (pki) => [healthy(pki), { [serverConf]: spireConf("server", { data: reportedData }) }],
    causes: ["plugin-unknown-key"],
    says: [
      "keylime_tls_client_cert_file",
      `${serverConf}:13`,
      "keylime_tls_client_key_file",
      `${serverConf}:14`,
      "/var/lib/keylime/cv_ca/server-cert.crt",
    ],
  },
];
