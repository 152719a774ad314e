import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "an agent that was given a new certificate and did not register it",
    async plant({ agent, verifier, agentId }, pki) {
      const { certPem, keyPem } = await pki.issue({
        commonName: "agent.keylime.funlab.casa",
        dnsNames: ["localhost"],
        ipAddresses: ["127.0.0.1"],
        eku: ["serverAuth"],
      });
      agent.rotateTls({ certPem, keyPem, trustedClientCaPem: pki.caCompleteChainPem });
      verifier.changeAgent(agentId, { operationalState: 7 });
    },
    causes: ["verifier-wrong-db-cert", "agent-failed"],
    says: ["another certificate than the one it registered", "keylime_tenant -c delete -u"],
  }),
];
