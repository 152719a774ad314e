import { judgeState } from "../../../keylime/attestation-state.js";
import type { ProbedCertificate } from "../../../probe/report-schema.js";
import type { CertificateFacts } from "../../../x509/certificate.js";
import type { Facts } from "../../facts/facts.js";
import { defineCheck, type Evidence, type Outcome } from "../check.js";
import { answerEvidence, enrolledAgent, idEvidence, registeredEntry, withoutEntry } from "./node-answers.js";

export const verifierWrongDbCert = defineCheck({
  id: "verifier-wrong-db-cert",
  family: "node",
  title: "the verifier has the certificate that the agent presents",
  judge(facts, { nowMs }): Outcome {
    const agent = enrolledAgent(facts);
    if (agent === undefined) return withoutEntry(facts)!;
    const { verifier } = facts.node;
    const served = servedCertificate(facts);
    if (served === undefined)
      return { is: "unknown", reason: "the certificate that the Keylime agent presents was not seen" };
    const entry = registeredEntry(facts);
    if (entry === undefined) return { is: "unknown", reason: "what the agent registered is not known" };
    const verifierNowMs =
      verifier.known && verifier.value.is === "enrolled" ? (verifier.value.verifierNowMs ?? nowMs) : nowMs;
    if (judgeState(agent, { verifierNowMs, maxAgeMs: "auto" }).admitted) {
      return { is: "clear", because: "the verifier attests the agent, whatever certificate it has stored" };
    }
    const why = whyStale(entry.mtlsCert, served, agent.lastSuccessfulAttestationMs);
    if (why === undefined)
      return {
        is: "clear",
        because: "the agent presents the certificate that it registered, and had it at its last good round",
      };
    return {
      is: "found",
      findings: [
        {
          severity: "error",
          stopsAttestation: true,
          leg: "verifier->agent",
          summary: `the verifier does not reach agent ${agent.agentId}: ${why.text}`,
          evidence: [
            idEvidence(facts),
            {
              text: `the Keylime agent presents ${served.subject}, SHA-256 ${served.sha256}, valid from ${served.not_before ?? "?"}`,
            },
            ...why.evidence(facts),
          ],
          fix: {
            action:
              "restart the Keylime agent so that it registers its certificate, delete the agent at the verifier and add it again",
            commands: [
              "systemctl restart keylime_agent",
              `keylime_tenant -c delete -u ${agent.agentId}`,
              `keylime_tenant -c add -u ${agent.agentId}`,
            ],
          },
        },
      ],
    };
  },
});

function servedCertificate({ endpoints }: Facts): ProbedCertificate | undefined {
  if (!endpoints.known) return undefined;
  const agents = endpoints.value.filter(({ role }) => role === "agent");
  return agents.flatMap(({ connections }) =>
    connections.flatMap(({ probed }) => probed.server_certificates.slice(0, 1)),
  )[0];
}

interface Why {
  text: string;
  evidence(facts: Facts): Evidence[];
}

/**
 * The verifier does not give out the certificate it stored. It took it from the registrar when the agent was added, so a
 * certificate that the registrar does not have, or that is younger than the last good round, is not the stored one.
 */
function whyStale(
  registered: CertificateFacts | "disabled" | "unreadable" | undefined,
  served: ProbedCertificate,
  lastSuccessMs: number | undefined,
): Why | undefined {
  if (registered === undefined || registered === "unreadable") return undefined;
  if (registered === "disabled" || registered.sha256 !== served.sha256) {
    const told =
      registered === "disabled"
        ? "that it serves plain HTTP"
        : `certificate ${registered.sha256}, ${registered.subject}`;
    return {
      text: "the agent presents another certificate than the one it registered, from which the verifier's was copied",
      evidence: ({ node }) => [answerEvidence(node.registrar, `the agent registered ${told}`)],
    };
  }
  const issuedMs = Date.parse(served.not_before ?? "");
  if (!(lastSuccessMs !== undefined && lastSuccessMs > 0 && issuedMs > lastSuccessMs)) return undefined;
  return {
    text: "the agent's certificate is younger than its last successful attestation, so the verifier has an older one stored",
    evidence: ({ node }) => [
      answerEvidence(node.verifier, `last successful attestation ${new Date(lastSuccessMs).toISOString()}`),
    ],
  };
}
