import type { Scenario } from "./support/scenario.js";
import { agentConf, healthy, mendedData, ourBlock, reportedData, serverConf, spireConf } from "./support/set-ups.js";

export const scenarios: readonly Scenario[] = [
  {
    name: "two keys that the Go plugin ignores, so that its default certificate is presented",
    tree: (pki) => [healthy(pki), { [serverConf]: spireConf("server", { data: reportedData }) }],
    causes: ["plugin-unknown-key"],
    says: [
      "keylime_tls_client_cert_file",
      `${serverConf}:13`,
      "keylime_tls_client_key_file",
      `${serverConf}:14`,
      "/var/lib/keylime/cv_ca/server-cert.crt",
    ],
  },
  {
    name: "the same two keys for our plugin, which knows them",
    tree: (pki) => [healthy(pki), ourBlock("server", reportedData)],
    causes: [],
  },
  {
    name: "a misspelt key, which our plugin refuses",
    tree: (pki) => [healthy(pki), ourBlock("server", [...mendedData, 'keylime_verifer_server_name = "verifier"'])],
    causes: ["plugin-unknown-key"],
    says: ["keylime_verifer_server_name", "did you mean keylime_verifier_server_name?", `${serverConf}:16`],
  },
  {
    name: "a key of other builds, which changes nothing in this one",
    tree: (pki) => [
      healthy(pki),
      { [serverConf]: spireConf("server", { data: [...mendedData, 'tpm_policy = "{}"'] }) },
    ],
    causes: [],
    findings: ["plugin-unknown-key"],
    says: ["tpm_policy", `remove tpm_policy`],
  },
  {
    name: "a misspelt host in agent.conf",
    tree: (pki) => [healthy(pki), { [agentConf]: spireConf("agent", { data: ['keylime_agent_hots = "10.0.0.7"'] }) }],
    causes: ["plugin-unknown-key"],
    says: ["keylime_agent_host stays at 127.0.0.1", `${agentConf}:10`],
  },
];
