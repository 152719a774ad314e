import { liveScenario } from "./support/live-set-ups.js";
import { selfSignedPinned, serveSelfSigned } from "./support/self-signed-agent.js";

export const scenarios = [
  liveScenario({ name: "an attested node, this program's plugins, mutual TLS on every leg", causes: [] }),
  liveScenario({
    name: "an attested node whose Keylime agent speaks plain HTTP on loopback",
    world: { agentMtls: false },
    changes: () => ({
      agent: {
        keylime_agent_ca_cert_file: undefined,
        keylime_agent_client_cert_file: undefined,
        keylime_agent_client_key_file: undefined,
      },
    }),
    causes: [],
    findings: ["agent-open-to-relay"],
  }),
  liveScenario({
    name: "a Keylime agent's self-signed certificate, which the verifier knows by its registration alone",
    world: { registered: false, enrolled: false },
    async plant(world, pki) {
      await serveSelfSigned(world, pki);
      await world.agent.register();
      await world.enrol();
      // Not attested lately, so that the files alone decide.
      world.verifier.changeAgent(world.agentId, { operationalState: 7 });
    },
    ...selfSignedPinned,
    causes: ["agent-failed"],
  }),
];
