import { startKeylimeAgent } from "../../src/peers/agent/keylime-agent.js";
import type { FieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { SoftwareTpm } from "../../src/peers/tpm/software-tpm.js";
import type { KeylimeWorld } from "../fakes/keylime-world.js";
import { caFile, withAgent, withCertificates } from "./support/certificate-set-ups.js";
import { agentConfOf, liveScenario } from "./support/live-set-ups.js";
import type { Scenario } from "./support/scenario.js";

const shipped = "d432fbb3-d2f1-4a97-9ef7-75bd81c00000";
const keylimeAgentConf = "/etc/keylime/agent.conf";

/** A machine with a TPM and a certificate of its own, and the same UUID. */
async function registerElsewhere({ agentId, registrar }: KeylimeWorld, pki: FieldReportPki): Promise<void> {
  const { certPem, keyPem } = await pki.issue({ commonName: "agent of another host", eku: ["serverAuth"] });
  const other = await startKeylimeAgent({
    tpm: await SoftwareTpm.create({ ek: "ecc256", ak: "ecc256" }),
    agentId,
    listen: { host: "127.0.0.1", port: 0 },
    contact: { host: "192.0.2.7", port: 9002 },
    registrar: registrar.httpAddress,
    tls: { certPem, keyPem, trustedClientCaPem: pki.caCompleteChainPem },
  });
  try {
    await other.register();
  } finally {
    await other.stop();
  }
}

const live = [
  liveScenario({
    name: "the UUID that Keylime ships",
    world: { agent: { agentId: shipped } },
    causes: [],
    findings: ["agent-default-uuid"],
    says: [`shipped default UUID ${shipped}`, 'uuid = "hash_ek"'],
  }),
  liveScenario({
    name: "the same, and the file that sets it",
    world: { agent: { agentId: shipped } },
    files: (world) => ({ [keylimeAgentConf]: agentConfOf(world) }),
    causes: [],
    findings: ["agent-default-uuid"],
    says: [`uuid = "${shipped}"`, `${keylimeAgentConf}:2`, `in [agent] of ${keylimeAgentConf}`],
  }),
  liveScenario({
    name: "the UUID of another host, which registered first",
    world: { registered: false, enrolled: false },
    plant: registerElsewhere,
    causes: ["agent-default-uuid", "agent-not-enrolled"],
    says: [
      "is registered by another host than this one, so that two hosts share a UUID",
      "registered with contact address 192.0.2.7:9002",
      'uuid = "hash_ek"',
    ],
  }),
];

const offline: readonly Scenario[] = [
  {
    name: "the file alone",
    tree: (pki) => [
      withCertificates(pki),
      withAgent(pki.agent),
      { [keylimeAgentConf]: `[agent]\nuuid = "${shipped}"\ntrusted_client_ca = "${caFile}"\n` },
    ],
    causes: [],
    findings: ["agent-default-uuid"],
    says: [`${keylimeAgentConf}:2`],
  },
  {
    name: "no line about it in the copy of a machine proves nothing",
    tree: (pki) => [withCertificates(pki), { [keylimeAgentConf]: '[agent]\nenable_agent_mtls = "false"\n' }],
    causes: [],
  },
];

export const scenarios = [...live, ...offline];
