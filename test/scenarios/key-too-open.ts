import type { Scenario } from "./support/scenario.js";
import { healthy } from "./support/set-ups.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "a key that everybody reads",
    tree: (pki) => [healthy(pki), { "/etc/keylime/certs/verifier.key": { text: pki.verifier.keyPem, mode: 0o644 } }],
    causes: [],
    findings: ["key-too-open"],
    says: ["/etc/keylime/certs/verifier.key", "mode 0644", "chmod 0640 /etc/keylime/certs/verifier.key"],
  },
];
