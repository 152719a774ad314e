import { certs, pushMode, withAgent, withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";

const pushCa = `${certs}/push-ca.crt`;

export const scenarios: readonly Scenario[] = [
  {
    name: "the intermediate first in the CA file of a push agent",
    tree: (pki) => [
      withCertificates(pki),
      withAgent(pki.agent, [`verifier_tls_ca_cert = "${pushCa}"`]),
      { [pushCa]: pki.intermediate.certPem + pki.root.certPem },
      pushMode,
    ],
    causes: ["ca-bundle-order", "agent-push-mode"],
    says: [
      `the Keylime agent reads the first certificate of ${pushCa} alone, CN=Book of Omens`,
      `put CN=Eye of Thundera first in ${pushCa}`,
      "unable to get issuer certificate",
    ],
  },
  {
    name: "none with the root first",
    tree: (pki) => [
      withCertificates(pki),
      withAgent(pki.agent, [`verifier_tls_ca_cert = "${pushCa}"`]),
      { [pushCa]: pki.root.certPem + pki.intermediate.certPem },
      pushMode,
    ],
    causes: ["agent-push-mode"],
  },
];
