import type { FieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import type { KeylimeWorld } from "../fakes/keylime-world.js";
import { liveScenario } from "./support/live-set-ups.js";
import { runningVerifier } from "./support/running.js";
import { reportedVerifierConf, verifierConf } from "./support/set-ups.js";

const anHourAgo = runningVerifier({ startedInS: -3600 });
/** As the report prints it: the list of CAs commented out. */
const commentedOut = { [verifierConf]: reportedVerifierConf() };

/** The verifier that runs trusts no CA of the plugin's. */
function trustsAnother({ verifier }: KeylimeWorld, pki: FieldReportPki): void {
  const { chainPem: certPem, keyPem } = pki.verifier;
  verifier.rotateTls({ certPem, keyPem, trustedClientCaPem: pki.cvCa.ca.certPem });
}

export const scenarios = [
  liveScenario({
    name: "a CA that was put into the file after the verifier had started",
    plant: trustsAnother,
    files: () => anHourAgo,
    causes: ["verifier-config-drift"],
    contradictions: ["certificate-refused-against-the-file: verifier-config-drift"],
    says: [
      "which vouches for /etc/keylime/certs/spire-server.crt, yet 127.0.0.1:",
      "it was changed after the verifier had started",
      "alert 48 unknown_ca",
      "process 4711) has run since",
      `${verifierConf} was last changed`,
      "restart the verifier with its workers",
    ],
    verdicts: { "certificate-not-trusted": "confirmed" },
  }),
  liveScenario({
    name: "the same where nobody knows when the verifier started",
    plant: trustsAnother,
    causes: ["verifier-config-drift"],
    contradictions: ["certificate-refused-against-the-file: unknown"],
    says: ["it was perhaps changed after the verifier had started", "when the verifier started is not known"],
  }),
  liveScenario({
    name: "a list that was commented out after the verifier had started",
    files: () => ({ ...anHourAgo, ...commentedOut }),
    causes: [],
    findings: ["verifier-config-drift"],
    contradictions: ["certificate-taken-against-the-file: verifier-config-drift"],
    says: ["trusted_client_ca is commented out, which refuses every client certificate, yet 127.0.0.1:", "takes"],
    verdicts: { "verifier-refuses-every-certificate": "refuted" },
  }),
  liveScenario({
    name: "a list that was commented out before, so that something unseen wins: told, and no fault named",
    files: () => ({ ...runningVerifier({ startedInS: 3600 }), ...commentedOut }),
    causes: [],
    contradictions: ["certificate-taken-against-the-file: unknown"],
  }),
  liveScenario({
    name: "a list that was given another CA after the verifier had started",
    files: (_, pki) => ({ ...anHourAgo, "/etc/keylime/certs/ca.crt": pki.cvCa.ca.certPem }),
    causes: [],
    findings: ["verifier-config-drift"],
    contradictions: ["certificate-taken-against-the-file: verifier-config-drift"],
    says: ["/etc/keylime/certs/ca.crt does not let the verifier take /etc/keylime/certs/spire-server.crt"],
  }),
  liveScenario({
    name: "a section that Keylime does not start with, in a file that was changed while it ran",
    files: () => ({ ...anHourAgo, [verifierConf]: reportedVerifierConf("general") }),
    causes: [],
    findings: ["verifier-wrong-section", "verifier-config-drift"],
    contradictions: ["verifier-runs-without-its-file: verifier-config-drift"],
    says: ["section [general] should be [verifier]", `${verifierConf}:1`, "yet a verifier answers"],
  }),
  liveScenario({
    name: "a certificate that was exchanged in its file after the verifier had started",
    plant: ({ verifier }, pki) =>
      verifier.rotateTls({
        certPem: pki.registrar.chainPem,
        keyPem: pki.registrar.keyPem,
        trustedClientCaPem: pki.caCompleteChainPem,
      }),
    files: () => anHourAgo,
    causes: [],
    findings: ["verifier-config-drift"],
    contradictions: ["server-certificate-differs: verifier-config-drift"],
    says: ["/etc/keylime/certs/verifier.crt holds another certificate than 127.0.0.1:"],
  }),
];
