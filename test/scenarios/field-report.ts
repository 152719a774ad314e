import type { Scenario } from "./support/scenario.js";
import {
  fieldReport,
  ourBlock,
  reportedData,
  reportedVerifierConf,
  serverConf,
  verifierConf,
} from "./support/set-ups.js";

const keys = [
  "keylime_tls_client_cert_file",
  `${serverConf}:13`,
  "keylime_tls_client_key_file",
  `${serverConf}:14`,
  "/var/lib/keylime/cv_ca/server-cert.crt",
];

export const scenarios: readonly Scenario[] = [
  {
    name: "the report's files, the verifier's section named as Keylime reads it",
    tree: (pki) => [fieldReport(pki)],
    causes: ["plugin-unknown-key", "verifier-trust-empty"],
    says: [...keys, "CN=Keylime Certificate Authority"],
    verdicts: {
      "plugin-cannot-present": "refuted",
      "certificate-lacks-attribute": "refuted",
      "plugin-ca-file-wrong": "refuted",
      "certificate-not-trusted": "confirmed",
      "plugin-takes-client-certificate": "confirmed",
      "verifier-requires-client-certificate": "confirmed",
      "enable-agent-mtls-turns-client-certificates-off": "refuted",
    },
    reasons: {
      "verifier-requires-client-certificate": [
        `#trusted_client_ca = ["ca.crt"]  # Currently commented out: by this, every certificate is refused (${verifierConf}:7)`,
      ],
      "enable-agent-mtls-turns-client-certificates-off": [
        `enable_agent_mtls = False (the verifier's) (${verifierConf}:3)`,
      ],
    },
  },
  {
    name: "the report's files as printed, section [general]",
    tree: (pki) => [fieldReport(pki), { [verifierConf]: reportedVerifierConf("general") }],
    causes: ["verifier-wrong-section", "plugin-unknown-key"],
    says: ["section [general] should be [verifier]", `${verifierConf}:1`],
    verdicts: { "verifier-requires-client-certificate": "unknown" },
  },
  {
    name: "the same files with our plugin, which knows both keys: the verifier's empty trust is what is left",
    tree: (pki) => [fieldReport(pki), ourBlock("server", reportedData)],
    causes: ["verifier-trust-empty"],
    says: ["trusted_client_ca is commented out", `${verifierConf}:7`],
    verdicts: { "plugin-takes-client-certificate": "confirmed", "verifier-refuses-every-certificate": "confirmed" },
    reasons: {
      "plugin-takes-client-certificate": ["keylime_tls_client_cert_file", "/etc/keylime/certs/verifier.crt"],
    },
  },
];
