import { certs } from "./support/certificate-set-ups.js";
import { goServerConf, liveScenario } from "./support/live-set-ups.js";

const registrarConf = "/etc/keylime/registrar.conf";
const tenantConf = [
  "[tenant]",
  `tls_dir = ${certs}`,
  "client_cert = spire-server.crt",
  "client_key = spire-server.key",
  'trusted_server_ca = ["ca.crt"]',
  "",
].join("\n");

export const scenarios = [
  liveScenario({
    name: "a Keylime agent that never reached the registrar",
    world: { registered: false, enrolled: false },
    causes: ["agent-not-registered", "agent-not-enrolled"],
    says: ["the registrar does not know agent", "HTTP 404", "journalctl -u keylime_agent"],
  }),
  liveScenario({
    name: "the same where the Go plugin asks no registrar, told by the registrar that its file names",
    world: { registered: false, enrolled: false },
    files: ({ verifier, registrar }) => ({
      ...goServerConf(verifier.address.port),
      [registrarConf]: `[registrar]\nip = 127.0.0.1\ntls_port = ${registrar.httpsAddress.port}\n`,
      "/etc/keylime/tenant.conf": tenantConf,
    }),
    options: { registrarConfig: registrarConf },
    causes: ["agent-not-registered", "agent-not-enrolled"],
    says: ["the registrar does not know agent"],
  }),
];
