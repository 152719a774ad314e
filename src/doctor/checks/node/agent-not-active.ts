import { defineCheck, notLearnt } from "../check.js";
import { answerEvidence, idEvidence } from "./node-answers.js";

export const agentNotActive = defineCheck({
  id: "agent-not-active",
  family: "node",
  title: "the agent's credential was activated at the registrar",
  judge(facts) {
    const { agentId, registrar } = facts.node;
    if (!registrar.known || !agentId.known)
      return notLearnt(facts, registrar.known ? "the UUID is not known" : registrar.reason);
    if (registrar.value.is === "not-registered")
      return { is: "skipped", reason: "the registrar does not know the agent" };
    if (registrar.value.is === "registered")
      return { is: "clear", because: `${registrar.source} gives out the key of ${agentId.value}` };
    return {
      is: "found",
      findings: [
        {
          severity: "error",
          stopsAttestation: true,
          summary: `agent ${agentId.value} is registered, and its credential was never activated`,
          evidence: [idEvidence(facts), answerEvidence(registrar, "HTTP 404, the agent has not been activated")],
          fix: {
            action:
              "restart the Keylime agent and look at its log: the TPM must open the credential that the registrar sends",
            commands: ["systemctl restart keylime_agent", "journalctl -u keylime_agent -n 50"],
          },
        },
      ],
    };
  },
});
