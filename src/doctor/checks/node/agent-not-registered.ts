import { defineCheck, notLearnt } from "../check.js";
import { answerEvidence, idEvidence } from "./node-answers.js";

export const agentNotRegistered = defineCheck({
  id: "agent-not-registered",
  family: "node",
  title: "the registrar knows the agent",
  judge(facts) {
    const { agentId, registrar } = facts.node;
    if (!registrar.known || !agentId.known)
      return notLearnt(facts, registrar.known ? "the UUID is not known" : registrar.reason);
    if (registrar.value.is !== "not-registered")
      return { is: "clear", because: `${registrar.source} has an entry of ${agentId.value}` };
    return {
      is: "found",
      findings: [
        {
          severity: "error",
          stopsAttestation: true,
          summary: `the registrar does not know agent ${agentId.value}`,
          evidence: [idEvidence(facts), answerEvidence(registrar, "HTTP 404, the agent is not found")],
          fix: {
            action:
              "start the Keylime agent and look at its log for the registration: registrar_ip and registrar_port must be the registrar's HTTP port",
            commands: ["systemctl restart keylime_agent", "journalctl -u keylime_agent -n 50"],
          },
        },
      ],
    };
  },
});
