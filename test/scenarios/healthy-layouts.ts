import type { FieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { type KeylimeWorld, startKeylimeWorld } from "../fakes/keylime-world.js";
import { certs, withAgent, withCertificates } from "./support/certificate-set-ups.js";
import { liveTree } from "./support/live-set-ups.js";
import type { Tree } from "./support/machine-tree.js";
import type { LiveScenario, Scenario } from "./support/scenario.js";
import { agentConf, checksumOf, goExecutable, healthy, serverConf, verifierConf } from "./support/set-ups.js";

/** The options of Keylime's template, which its packages ship. */
const template = [
  "[verifier]",
  "ip = 127.0.0.1",
  "port = 8881",
  "enable_agent_mtls = True",
  "tls_dir = generate",
  ...["server_key", "server_cert", "trusted_client_ca", "client_key", "client_cert", "trusted_server_ca"].map(
    (option) => `${option} = default`,
  ),
  "",
].join("\n");

const identity = (name: string) => [
  `server_cert = ${name}.crt`,
  `server_key = ${name}.key`,
  'trusted_client_ca = ["ca.crt"]',
];
const client = (name: string) => [
  `client_cert = ${name}.crt`,
  `client_key = ${name}.key`,
  'trusted_server_ca = ["ca.crt"]',
];

const snippets: Tree = {
  [verifierConf]: template,
  "/etc/keylime/verifier.conf.d/10-tls.conf": [
    "[verifier]",
    `tls_dir = ${certs}`,
    ...identity("verifier"),
    ...client("verifier"),
    "",
  ].join("\n"),
};

/** Every service of Keylime on one machine. */
function everyService(pki: FieldReportPki): Tree {
  return {
    ...withAgent(pki.agent),
    "/etc/keylime/registrar.conf": ["[registrar]", `tls_dir = ${certs}`, ...identity("registrar"), ""].join("\n"),
    "/etc/keylime/tenant.conf": ["[tenant]", `tls_dir = ${certs}`, ...client("tenant"), ""].join("\n"),
    [`${certs}/registrar.crt`]: pki.registrar.chainPem,
    [`${certs}/registrar.key`]: pki.registrar.keyPem,
    [`${certs}/tenant.crt`]: pki.tenant.chainPem,
    [`${certs}/tenant.key`]: pki.tenant.keyPem,
  };
}

/** SPIRE's other form of the same configuration. */
function jsonConf(half: "server" | "agent", data: Readonly<Record<string, string>>): string {
  const plugin = {
    plugin_cmd: `/opt/spire/plugins/keylime-attestor-${half}`,
    plugin_checksum: checksumOf(goExecutable(half)),
    plugin_data: data,
  };
  return JSON.stringify(
    { [half]: { trust_domain: "funlab.casa" }, plugins: { NodeAttestor: [{ keylime: plugin }] } },
    undefined,
    2,
  );
}

const written: readonly Scenario[] = [
  {
    name: "Keylime's template, and what differs in a snippet",
    tree: (pki) => [withCertificates(pki), snippets],
    causes: [],
  },
  {
    name: "verifier, registrar, tenant and Keylime agent with files on one machine",
    tree: (pki) => [withCertificates(pki), everyService(pki)],
    causes: [],
  },
  {
    name: "both configurations of SPIRE as JSON",
    tree: (pki) => [
      healthy(pki),
      {
        [serverConf]: jsonConf("server", {
          keylime_verifier_host: "127.0.0.1",
          keylime_tls_ca_cert_file: `${certs}/ca-complete-chain.crt`,
          keylime_tls_cert_file: `${certs}/verifier.crt`,
          keylime_tls_key_file: `${certs}/verifier.key`,
        }),
        [agentConf]: jsonConf("agent", { keylime_agent_host: "127.0.0.1" }),
      },
    ],
    causes: [],
  },
];

/** Verifier and registrar on the loopback of IPv6, with it among the names of their certificates. */
async function startOnIpv6(pki: FieldReportPki): Promise<KeylimeWorld> {
  const service = async (name: string) => {
    const eku = ["serverAuth", "clientAuth"] as const;
    const { chainPem, keyPem } = await pki.issue({ commonName: name, ipAddresses: ["::1"], eku: [...eku] });
    return { certPem: chainPem, keyPem, trustedClientCaPem: pki.caCompleteChainPem };
  };
  const [verifier, registrar] = await Promise.all([service("verifier"), service("registrar")]);
  return await startKeylimeWorld({
    pki,
    verifier: { host: "::1", tls: verifier },
    registrar: { https: { host: "::1", port: 0 }, tls: registrar },
  });
}

const ipv6: LiveScenario<KeylimeWorld> = {
  name: "verifier and registrar by an IPv6 address that their certificates carry",
  start: startOnIpv6,
  tree: (pki, world) => [
    liveTree(pki, world, { server: { keylime_verifier_host: "::1", keylime_registrar_host: "::1" } }),
  ],
  causes: [],
};

export const scenarios = [...written, ipv6];
