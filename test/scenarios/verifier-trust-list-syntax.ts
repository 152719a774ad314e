import type { Scenario } from "./support/scenario.js";
import { healthy, reportedVerifierConf, verifierConf } from "./support/set-ups.js";

const written = (name: string, value: string): Scenario => ({
  name,
  tree: (pki) => [
    healthy(pki),
    { [verifierConf]: reportedVerifierConf().replace(/^#trusted_client_ca.*$/m, `trusted_client_ca = ${value}`) },
  ],
  causes: ["verifier-trust-list-syntax"],
  says: [`trusted_client_ca = ${value}`, `${verifierConf}:7`, 'set trusted_client_ca = ["ca.crt"]'],
});

export const scenarios: readonly Scenario[] = [
  written("a bare name", "ca.crt"),
  written("a list without quotes", "[ca.crt]"),
  written("quotes of a word processor", "[\u201cca.crt\u201d]"),
];
