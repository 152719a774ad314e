import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "a Keylime agent that trusts another CA than the plugin's",
    plant: ({ agent }, pki) =>
      agent.rotateTls({
        certPem: pki.agent.certPem,
        keyPem: pki.agent.keyPem,
        trustedClientCaPem: pki.cvCa.ca.certPem,
      }),
    causes: ["agent-refuses-client"],
    says: ["refuses the agent plugin's client certificate /etc/keylime/certs/spire-server.crt (alert 48 unknown_ca)"],
  }),
];
