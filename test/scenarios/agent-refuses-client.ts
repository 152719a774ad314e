import { certs } from "./support/certificate-set-ups.js";
import { liveScenario } from "./support/live-set-ups.js";
import { healthy, verifierConf } from "./support/set-ups.js";

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
  liveScenario({
    name: "a Keylime agent that trusts another CA than that of the verifier's client certificate",
    files: (_, pki) => ({
      [verifierConf]: `${healthy(pki)[verifierConf]}`
        .replace("enable_agent_mtls = False", "enable_agent_mtls = True")
        .replace("client_cert = verifier.crt", "client_cert = poll.crt\nclient_key = poll.key"),
      [`${certs}/poll.crt`]: pki.cvCa.client.chainPem,
      [`${certs}/poll.key`]: pki.cvCa.client.keyPem,
    }),
    causes: ["agent-refuses-client"],
    says: [`refuses the verifier's client certificate ${certs}/poll.crt (alert 48 unknown_ca)`],
  }),
];
