import { withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";
import { mendedData, ourBlock, serverConf, spireConf, verifierConf } from "./support/set-ups.js";

const withoutCertificate = mendedData.filter(
  (line) => !/_(cert|key)_file = "\/etc\/keylime\/certs\/verifier/.test(line),
);
const says = [
  "has no keylime_tls_cert_file",
  "/var/lib/keylime/cv_ca/server-cert.crt",
  "CN=Keylime Certificate Authority",
  "/etc/keylime/certs/ca.crt",
];

export const scenarios: readonly Scenario[] = [
  {
    name: "no certificate configured for the Go plugin, and a verifier with a PKI of its own",
    tree: (pki) => [withCertificates(pki), { [serverConf]: spireConf("server", { data: withoutCertificate }) }],
    causes: ["plugin-default-cert"],
    says,
    verdicts: { "certificate-not-trusted": "confirmed" },
  },
  {
    name: "none configured for ours",
    tree: (pki) => [withCertificates(pki), ourBlock("server", withoutCertificate)],
    causes: ["plugin-default-cert"],
    says,
  },
  {
    name: "a verifier whose trust is not known is no proof",
    tree: (pki) => [
      withCertificates(pki),
      { [serverConf]: spireConf("server", { data: withoutCertificate }), [verifierConf]: null },
    ],
    causes: [],
  },
];
