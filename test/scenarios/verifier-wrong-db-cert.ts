import { liveScenario } from "./support/live-set-ups.js";
import { selfSignedPinned, serveSelfSigned } from "./support/self-signed-agent.js";

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
  liveScenario({
    name: "a self-signed certificate that the agent made anew, where no CA vouches for it",
    async plant(world, pki) {
      await serveSelfSigned(world, pki);
      world.verifier.changeAgent(world.agentId, { operationalState: 7 });
    },
    ...selfSignedPinned,
    causes: ["verifier-wrong-db-cert", "agent-failed"],
    says: ["another certificate than the one it registered"],
  }),
];
