import type { Scenario } from "./support/scenario.js";
import { healthy, verifierConf } from "./support/set-ups.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "the verifier's options under [general]",
    tree: (pki) => [
      healthy(pki),
      { [verifierConf]: '[general]\ntls_dir = /etc/keylime/certs\ntrusted_client_ca = ["ca.crt"]\n' },
    ],
    causes: ["verifier-wrong-section"],
    says: ["section [general] should be [verifier]", `${verifierConf}:1`, "rename [general] to [verifier]"],
  },
];
