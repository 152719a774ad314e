import { traditionalKeyPem } from "../../src/peers/pki/key-pair.js";
import { certs, pushMode, withAgent, withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "a SEC1 key for a Keylime agent in push mode",
    tree: (pki) => [
      withCertificates(pki),
      withAgent({ chainPem: pki.agent.chainPem, keyPem: traditionalKeyPem(pki.agent.keyPem) }, [
        `verifier_tls_ca_cert = "${certs}/root.crt"`,
      ]),
      { [`${certs}/root.crt`]: pki.root.certPem },
      pushMode,
    ],
    causes: ["key-not-pkcs8", "agent-push-mode"],
    says: [
      `${certs}/agent.key is in the form EC PRIVATE KEY, and the Keylime agent takes PKCS#8 (PRIVATE KEY) only`,
      `${certs}/agent.key:1`,
      "openssl pkcs8 -topk8",
    ],
  },
  {
    name: "none in pull mode, where the agent takes all three forms",
    tree: (pki) => [
      withCertificates(pki),
      withAgent({ chainPem: pki.agent.chainPem, keyPem: traditionalKeyPem(pki.agent.keyPem) }),
    ],
    causes: [],
  },
];
