import { liveScenario } from "./support/live-set-ups.js";
import type { Scenario } from "./support/scenario.js";
import { healthy, reportedVerifierConf, verifierConf } from "./support/set-ups.js";

const withTrust = (line: string) => reportedVerifierConf().replace(/^#trusted_client_ca.*$/m, line);
const emptied = (name: string, line: string, says: string): Scenario => ({
  name,
  tree: (pki) => [healthy(pki), { [verifierConf]: withTrust(line) }],
  causes: ["verifier-trust-empty"],
  says: [says, `${verifierConf}:7`, "alert 48 unknown_ca"],
});

const written: readonly Scenario[] = [
  emptied("the option is commented out", '#trusted_client_ca = ["ca.crt"]', "trusted_client_ca is commented out"),
  emptied("an empty list", "trusted_client_ca = []", "trusted_client_ca is empty"),
  emptied("an empty value", "trusted_client_ca =", "trusted_client_ca is empty"),
  emptied("all, which refuses all", "trusted_client_ca = all", "trusted_client_ca = all trusts no CA"),
  {
    name: "no line about it in the copy of a machine proves nothing",
    tree: (pki) => [healthy(pki), { [verifierConf]: withTrust("") }],
    causes: [],
  },
];

const seen = [
  liveScenario({
    name: "a verifier on another host that refuses a certificate of its own PKI",
    plant: ({ verifier }, { verifier: { chainPem, keyPem } }) =>
      verifier.rotateTls({ certPem: chainPem, keyPem, trustedClientCaPem: "" }),
    files: () => ({ [verifierConf]: null }),
    causes: ["verifier-trust-empty"],
    says: ["it is of the verifier's own PKI", "alert 48 unknown_ca", "the verifier's configuration is not at hand"],
    verdicts: { "certificate-not-trusted": "confirmed" },
  }),
];

export const scenarios = [...written, ...seen];
