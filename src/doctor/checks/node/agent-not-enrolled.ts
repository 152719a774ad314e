import { defineCheck, notLearnt } from "../check.js";
import { answerEvidence, idEvidence } from "./node-answers.js";

export const agentNotEnrolled = defineCheck({
  id: "agent-not-enrolled",
  family: "node",
  title: "the agent is enrolled at the verifier",
  judge(facts) {
    const { agentId, verifier } = facts.node;
    if (!verifier.known || !agentId.known)
      return notLearnt(facts, verifier.known ? "the UUID is not known" : verifier.reason);
    if (verifier.value.is === "enrolled")
      return { is: "clear", because: `${verifier.source} has an entry of ${agentId.value}` };
    return {
      is: "found",
      findings: [
        {
          severity: "error",
          stopsAttestation: true,
          summary: `the verifier does not know agent ${agentId.value} (the Go plugin tells this as "Current state: 0")`,
          evidence: [idEvidence(facts), answerEvidence(verifier, "HTTP 404, agent id not found")],
          fix: { action: "add the agent at the verifier", commands: [`keylime_tenant -c add -u ${agentId.value}`] },
        },
      ],
    };
  },
});
