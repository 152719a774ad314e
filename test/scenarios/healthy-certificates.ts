import { createRootCa } from "../../src/peers/pki/authority.js";
import { fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import type { KeyType } from "../../src/peers/pki/key-pair.js";
import { certs, pluginCertificate, runByPython, withAgent, withCertificates } from "./support/certificate-set-ups.js";
import type { Scenario } from "./support/scenario.js";
import { serverConf, spireConf, verifierConf } from "./support/set-ups.js";

const workDir = "/var/lib/keylime/cv_ca";

export const scenarios: readonly Scenario[] = [
  ...(["rsa2048", "p384", "ed25519"] as const).map(
    (keyType: KeyType): Scenario => ({
      name: `two levels with ${keyType} keys, for either plugin and a Keylime agent`,
      tree: async () => {
        const pki = await fieldReportPki({ keyType });
        return [withCertificates(pki, { ours: keyType !== "p384" }), withAgent(pki.agent)];
      },
      causes: [],
    }),
  ),
  {
    name: "one level, the root sent along by the plugin",
    tree: async (pki) => {
      const root = await createRootCa({ commonName: "one level" });
      const [client, server] = [
        await root.issue({ commonName: "spire", eku: ["clientAuth"] }),
        await root.issue({ commonName: "verifier", eku: ["serverAuth", "clientAuth"] }),
      ];
      return [
        withCertificates(pki, {
          client: { chainPem: client.certPem + root.certPem, keyPem: client.keyPem },
          server,
          clientCa: root.certPem,
          serverCa: root.certPem,
          ours: true,
        }),
      ];
    },
    causes: [],
  },
  {
    name: "what Keylime generates for itself, used by the Go plugin's defaults",
    tree: (pki) => [
      withCertificates(pki),
      {
        [serverConf]: spireConf("server", {}),
        [verifierConf]: [
          "[verifier]",
          "tls_dir = generate",
          ...["server_cert", "server_key", "client_cert", "client_key", "trusted_client_ca", "trusted_server_ca"].map(
            (option) => `${option} = default`,
          ),
          "",
        ].join("\n"),
      },
    ],
    causes: [],
  },
  {
    name: "the same before the verifier's first start",
    tree: (pki) => [
      withCertificates(pki),
      {
        [verifierConf]: ["[verifier]", "tls_dir = generate", "server_cert = default", "server_key = default", ""].join(
          "\n",
        ),
        [`${workDir}/server-cert.crt`]: null,
        [`${workDir}/server-private.pem`]: null,
      },
    ],
    causes: [],
  },
  {
    name: "certificates of 24 hours, half of which are over",
    tree: async (pki) => {
      const hourMs = 3_600_000;
      const today = { notBefore: new Date(Date.now() - 12 * hourMs), notAfter: new Date(Date.now() + 12 * hourMs) };
      const server = await pki.issue({ commonName: "verifier", eku: ["serverAuth", "clientAuth"], ...today });
      return [withCertificates(pki, { client: await pluginCertificate(pki, today), server })];
    },
    causes: [],
  },
  {
    name: "a Keylime agent's self-signed certificate that the verifier knows by the registrar",
    tree: (pki) => [
      withCertificates(pki),
      withAgent(pki.agent),
      { [`${certs}/agent.crt`]: null, [`${certs}/agent.key`]: null },
    ],
    causes: [],
  },
  {
    name: "a verifier run by Python 3.13, to which an intermediate is an anchor",
    tree: (pki) => [withCertificates(pki, { clientCa: pki.intermediate.certPem }), runByPython("3.13")],
    causes: [],
  },
  {
    name: "a CA without key usage, which Python 3.12 takes",
    tree: async (pki) => {
      const ca = await pki.root.issueCa({ commonName: "no key usage", omit: ["keyUsage"] });
      const client = await ca.issue({ commonName: "spire", eku: ["clientAuth"] });
      return [withCertificates(pki, { client, clientCa: pki.root.certPem }), runByPython("3.12")];
    },
    causes: [],
  },
  {
    name: "a part of a Keylime agent's file, without its trusted_client_ca",
    tree: (pki) => {
      const agent = withAgent(pki.agent);
      const conf = agent["/etc/keylime/agent.conf"] as string;
      return [withCertificates(pki), agent, { "/etc/keylime/agent.conf": conf.replace(/^trusted_client_ca.*\n/m, "") }];
    },
    causes: [],
  },
];
