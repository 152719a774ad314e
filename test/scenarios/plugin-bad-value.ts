import type { Scenario } from "./support/scenario.js";
import { healthy, mendedData, ourBlock, serverConf, spireConf } from "./support/set-ups.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "a port that is none, for the Go plugin",
    tree: (pki) => [
      healthy(pki),
      { [serverConf]: spireConf("server", { data: mendedData.map((line) => line.replace('"8881"', '"https"')) }) },
    ],
    causes: ["plugin-bad-value"],
    says: ['keylime_verifier_port is "https"', `${serverConf}:11`],
  },
  {
    name: "a duration without a unit and a boolean in quotes, for ours",
    tree: (pki) => [
      healthy(pki),
      {
        ...ourBlock("server", [...mendedData, "request_timeout = 10", 'require_agent_mtls = "true"']),
      },
    ],
    causes: ["plugin-bad-value", "plugin-bad-value"],
    says: ["request_timeout must be a duration", `${serverConf}:16`],
  },
  {
    name: "a certificate without its key, for ours",
    tree: (pki) => [healthy(pki), ourBlock("server", mendedData.slice(0, 4))],
    // The default key that goes with it belongs to another certificate.
    causes: ["key-mismatch"],
    findings: ["plugin-bad-value"],
    says: [
      "keylime_tls_key_file of the server plugin is not set: its default is /var/lib/keylime/cv_ca/server-private.pem",
    ],
  },
];
