import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "a refused quote",
    plant: ({ verifier, agentId }) =>
      verifier.changeAgent(agentId, {
        operationalState: 9,
        severityLevel: 6,
        lastEventId: "pcr_validation.missing_pcr_16",
      }),
    causes: ["agent-failed"],
    says: ["is in state 9 (Invalid Quote)", "pcr_validation.missing_pcr_16", "keylime_tenant -c reactivate -u"],
  }),
  liveScenario({
    name: "an agent that the tenant stopped",
    plant: ({ verifier, agentId }) => verifier.changeAgent(agentId, { operationalState: 10 }),
    causes: ["agent-failed"],
    says: ["its attestation has stopped"],
  }),
];
