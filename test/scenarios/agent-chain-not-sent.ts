import { caFile, certs, withAgent, withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "a Keylime agent with leaf and intermediate in its file, and a verifier that trusts the root",
    tree: (pki) => [
      withCertificates(pki),
      withAgent(pki.agent),
      { [`${certs}/agents-ca.crt`]: pki.root.certPem, [caFile]: pki.caCompleteChainPem },
    ],
    causes: ["agent-chain-not-sent"],
    says: [
      "the verifier refuses the Keylime agent's certificate CN=agent.keylime.funlab.casa",
      "the Keylime agent sends the first certificate of its file alone",
      `add the intermediate CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US to ${certs}/agents-ca.crt`,
    ],
  },
];
