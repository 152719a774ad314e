import type { CertificateAuthority, IssuedCertificate, LeafOptions } from "../../../src/peers/pki/authority.js";
import { createRootCa } from "../../../src/peers/pki/authority.js";
import type { FieldReportPki } from "../../../src/peers/pki/field-report-pki.js";
import type { Tree } from "./machine-tree.js";
import { agentConf, fieldReport, ourBlock, serverConf, spireConf, verifierConf } from "./set-ups.js";

export const certs = "/etc/keylime/certs";
export const spireCert = `${certs}/spire-server.crt`;
export const spireKey = `${certs}/spire-server.key`;
export const caFile = `${certs}/ca.crt`;

/** What is presented and trusted around the report's verifier; the report's own where not told. */
export interface Certificates {
  /** Of the plugin. */
  client?: Pick<IssuedCertificate, "chainPem" | "keyPem">;
  /** Of the verifier. */
  server?: Pick<IssuedCertificate, "chainPem" | "keyPem">;
  /** The verifier's trusted_client_ca. */
  clientCa?: string;
  /** The plugin's CA file. */
  serverCa?: string;
  /** This program's plugin, which verifies the verifier; the Go plugin without. */
  ours?: boolean;
}

const data = [
  'keylime_verifier_host = "127.0.0.1"',
  `keylime_tls_ca_cert_file = "${certs}/ca-complete-chain.crt"`,
  `keylime_tls_cert_file = "${spireCert}"`,
  `keylime_tls_key_file = "${spireKey}"`,
];

const verifier = [
  "[verifier]",
  `tls_dir = ${certs}`,
  "enable_agent_mtls = True",
  "server_cert = verifier.crt",
  "server_key = verifier.key",
  "client_cert = verifier.crt",
  "client_key = verifier.key",
  'trusted_client_ca = ["ca.crt"]',
  'trusted_server_ca = ["agents-ca.crt"]',
  "",
].join("\n");

/** A machine with SPIRE's server, its agent and the verifier, everything in order but for what is given. */
export function withCertificates(pki: FieldReportPki, given: Certificates = {}): Tree {
  const { client = pki.plugin, server = pki.verifier, ours = false } = given;
  const { clientCa = pki.caCompleteChainPem, serverCa = pki.caCompleteChainPem } = given;
  return {
    ...fieldReport(pki),
    [serverConf]: spireConf("server", { data }),
    ...(ours ? ourBlock("server", data) : {}),
    [agentConf]: spireConf("agent", { data: ['keylime_agent_host = "127.0.0.1"'] }),
    [verifierConf]: verifier,
    [spireCert]: client.chainPem,
    [spireKey]: client.keyPem,
    [`${certs}/verifier.crt`]: server.chainPem,
    [`${certs}/verifier.key`]: server.keyPem,
    [caFile]: clientCa,
    [`${certs}/agents-ca.crt`]: pki.caCompleteChainPem,
    [`${certs}/ca-complete-chain.crt`]: serverCa,
  };
}

/** A Keylime agent with mutual TLS on the same machine. */
export function withAgent(agent: Pick<IssuedCertificate, "chainPem" | "keyPem">, extra: readonly string[] = []): Tree {
  return {
    "/etc/keylime/agent.conf": [
      "[agent]",
      'uuid = "d111ec46-34d8-41af-ad56-d560bc97b2e8"',
      "enable_agent_mtls = true",
      `server_cert = "${certs}/agent.crt"`,
      `server_key = "${certs}/agent.key"`,
      `trusted_client_ca = "${caFile}"`,
      ...extra,
      "",
    ].join("\n"),
    [`${certs}/agent.crt`]: agent.chainPem,
    [`${certs}/agent.key`]: agent.keyPem,
  };
}

/** The verifier of a machine whose agents push. */
export const pushMode: Tree = { [verifierConf]: `${verifier}mode = push\n` };

/** Keylime's programs as a package installs them, run by that Python. */
export const runByPython = (version: string): Tree =>
  Object.fromEntries(
    ["verifier", "registrar", "tenant"].map((each) => [
      `/usr/bin/keylime_${each}`,
      { text: `#!/usr/bin/python${version} -s\nimport re\n`, mode: 0o755 },
    ]),
  );

/** A client certificate of the plugin below the report's intermediate. */
export function pluginCertificate(pki: FieldReportPki, options: LeafOptions = {}): Promise<IssuedCertificate> {
  return pki.issue({ commonName: "spire-server.keylime.funlab.casa", eku: ["clientAuth"], ...options });
}

/** The report's names with other keys: what a CA that was set up anew looks like. */
export function namesake(pki: FieldReportPki): Promise<CertificateAuthority> {
  return createRootCa({ subject: pki.intermediate.subject });
}
