import { encryptKeyPem, traditionalKeyPem } from "../../src/peers/pki/key-pair.js";
import type { Scenario } from "./support/scenario.js";
import { healthy } from "./support/set-ups.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "an encrypted key, where the Go plugin has no option for a password",
    tree: (pki) => [
      healthy(pki),
      { "/etc/keylime/certs/verifier.key": { text: encryptKeyPem(pki.verifier.keyPem, "secret"), mode: 0o600 } },
    ],
    causes: ["key-encrypted"],
    says: ["ENCRYPTED PRIVATE KEY", "/etc/keylime/certs/verifier.key:1"],
  },
  {
    name: "none in the older container that has no password",
    tree: (pki) => [
      healthy(pki),
      { "/etc/keylime/certs/verifier.key": { text: traditionalKeyPem(pki.verifier.keyPem), mode: 0o600 } },
    ],
    causes: [],
  },
];
