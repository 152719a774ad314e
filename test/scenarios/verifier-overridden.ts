import { liveScenario } from "./support/live-set-ups.js";
import { runningVerifier } from "./support/running.js";
import type { LiveScenario, Scenario } from "./support/scenario.js";
import { healthy, reportedVerifierConf, verifierConf } from "./support/set-ups.js";

const snippet = "/etc/keylime/verifier.conf.d/50-site.conf";

const written: readonly Scenario[] = [
  {
    name: "a snippet that empties the list of the file",
    tree: (pki) => [healthy(pki), { [snippet]: "[verifier]\ntrusted_client_ca = []\n" }],
    causes: ["verifier-overridden", "verifier-trust-empty"],
    says: [`${snippet}:2 sets trusted_client_ca = [] and wins over ${verifierConf}:7`, "50-site.conf"],
  },
  {
    name: "an environment variable that empties the list of the file",
    tree: (pki) => [
      healthy(pki),
      runningVerifier({ startedInS: 60, environment: { KEYLIME_VERIFIER_TRUSTED_CLIENT_CA: "" } }),
    ],
    causes: ["verifier-overridden", "verifier-trust-empty"],
    says: ["KEYLIME_VERIFIER_TRUSTED_CLIENT_CA sets", "the variable was seen in process 4711"],
  },
  {
    name: "a file that the operator names, and that no verifier reads",
    tree: (pki) => [
      healthy(pki),
      runningVerifier({ startedInS: 60, environment: { KEYLIME_VERIFIER_CONFIG: "/srv/verifier.conf" } }),
    ],
    options: { verifierConfig: verifierConf },
    causes: [],
    findings: ["verifier-overridden"],
    says: [`no verifier that runs reads ${verifierConf}`, "KEYLIME_VERIFIER_CONFIG=/srv/verifier.conf"],
  },
  {
    name: "a snippet that names other CAs is how Keylime is meant to be configured",
    tree: (pki) => [healthy(pki), { [snippet]: '[verifier]\ntrusted_client_ca = ["ca-complete-chain.crt"]\n' }],
    causes: [],
  },
];

const seen: readonly LiveScenario[] = [
  liveScenario({
    name: "a verifier that refuses what its file lets it take, with an environment that nobody may read",
    plant: ({ verifier }, pki) =>
      verifier.rotateTls({
        certPem: pki.verifier.chainPem,
        keyPem: pki.verifier.keyPem,
        trustedClientCaPem: pki.cvCa.ca.certPem,
      }),
    files: () => runningVerifier({ startedInS: 3600, environment: null }),
    causes: ["verifier-overridden"],
    contradictions: ["certificate-refused-against-the-file: verifier-overridden"],
    says: ["another source is in force", "its environment, where KEYLIME_VERIFIER_… variables win over the files"],
  }),
  liveScenario({
    name: "a list commented out long before the verifier started, which takes a certificate all the same",
    files: () => ({
      ...runningVerifier({ startedInS: 3600, environment: null }),
      [verifierConf]: reportedVerifierConf(),
    }),
    causes: [],
    findings: ["verifier-overridden"],
    contradictions: ["certificate-taken-against-the-file: verifier-overridden"],
    says: ["trusted_client_ca is commented out"],
  }),
  liveScenario({
    name: "a list commented out in a file that the verifier was not started with",
    files: () => ({
      ...runningVerifier({ startedInS: 3600, environment: { KEYLIME_VERIFIER_CONFIG: "/srv/verifier.conf" } }),
      [verifierConf]: reportedVerifierConf(),
    }),
    options: { verifierConfig: verifierConf },
    causes: [],
    findings: ["verifier-overridden"],
    contradictions: ["certificate-taken-against-the-file: verifier-overridden"],
    says: ["KEYLIME_VERIFIER_CONFIG=/srv/verifier.conf, which it reads in place of"],
  }),
];

export const scenarios = [...written, ...seen];
