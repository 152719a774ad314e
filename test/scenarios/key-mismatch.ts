import type { Scenario } from "./support/scenario.js";
import { healthy } from "./support/set-ups.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "the key of another certificate",
    tree: (pki) => [healthy(pki), { "/etc/keylime/certs/verifier.key": { text: pki.registrar.keyPem, mode: 0o600 } }],
    causes: ["key-mismatch"],
    says: [
      "the key /etc/keylime/certs/verifier.key of the server plugin does not belong to the certificate in /etc/keylime/certs/verifier.crt",
      "CN=verifier.keylime.funlab.casa",
      "openssl pkey -in /etc/keylime/certs/verifier.key -pubout | sha256sum",
    ],
  },
];
