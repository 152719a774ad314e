import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "state 3 and PASS without a completed round",
    plant: ({ verifier, agentId }) =>
      verifier.changeAgent(agentId, {
        operationalState: 3,
        attestationCount: 0,
        lastReceivedQuote: 0,
        lastSuccessfulAttestation: 0,
      }),
    causes: ["agent-state-unproven"],
    says: ["the verifier counts no successful attestation", "last_successful_attestation never"],
  }),
  liveScenario({
    name: "an agent that has gone silent",
    plant: ({ verifier, agentId }) => {
      const longAgo = Math.trunc(Date.now() / 1000) - 3600;
      verifier.changeAgent(agentId, {
        operationalState: 3,
        lastReceivedQuote: longAgo,
        lastSuccessfulAttestation: longAgo,
      });
    },
    causes: ["agent-state-unproven"],
    says: ["1h00m old, more than the 5m00s allowed", "keylime_tenant -c status -u"],
  }),
];
