import { createHash } from "node:crypto";
import type { FieldReportPki } from "../../../src/peers/pki/field-report-pki.js";
import { goPluginKeys } from "../../../src/spire/schema.js";
import type { Tree } from "./machine-tree.js";

export const serverConf = "/etc/spire/server.conf";
export const agentConf = "/etc/spire/agent.conf";
export const verifierConf = "/etc/keylime/verifier.conf";
const goServer = "/opt/spire/plugins/keylime-attestor-server";
const ourExecutable = "/opt/spire/plugins/spire-keylime.cjs";
const goAgent = "/opt/spire/plugins/keylime-attestor-agent";

/**
 * What tells the Go plugin's executable: a compiled program with the struct tags of its keys in it. That a real one looks
 * like this is pinned by test/real/doctor-executable.test.ts.
 */
export function goExecutable(half: "server" | "agent", moreKeys: readonly string[] = []): Buffer {
  const tags = [...Object.keys(goPluginKeys[half]), ...moreKeys].map((key) => `\0\x1dhcl:"${key}"`);
  return Buffer.concat([Buffer.from("7f454c4602010100", "hex"), Buffer.from(`\0go1.22${tags.join("")}\0`, "latin1")]);
}

export function checksumOf(executable: Buffer | string): string {
  return createHash("sha256").update(executable).digest("hex");
}

export interface BlockText {
  command?: string;
  args?: readonly string[];
  checksum?: string | undefined;
  /** Lines of plugin_data. */
  data?: readonly string[];
}

/** A server.conf or agent.conf with one plugin block; line 6 is the block's, plugin_data starts on line 9. */
export function spireConf(half: "server" | "agent", block: BlockText, trustDomain = "funlab.casa"): string {
  const { command, args, checksum, data = [] } = block;
  const executable = goExecutable(half);
  return [
    `${half} {`,
    `  trust_domain = "${trustDomain}"`,
    "}",
    "",
    "plugins {",
    '  NodeAttestor "keylime" {',
    `    plugin_cmd = "${command ?? (half === "server" ? goServer : goAgent)}"`,
    `    plugin_checksum = "${checksum ?? checksumOf(executable)}"`,
    ...(args === undefined ? [] : [`    plugin_args = [${args.map((arg) => `"${arg}"`).join(", ")}]`]),
    "    plugin_data {",
    ...data.map((line) => `      ${line}`),
    "    }",
    "  }",
    "}",
    "",
  ].join("\n");
}

/** A configuration file that starts our plugin, and an executable that is told for ours. */
export function ourBlock(
  half: "server" | "agent",
  data: readonly string[],
  args: readonly string[] = ["plugin", half],
): Tree {
  const text = "#!/usr/bin/env node\n// keylime_verifier_server_name\n";
  const block = { command: ourExecutable, args, checksum: checksumOf(text), data };
  return {
    [half === "server" ? serverConf : agentConf]: spireConf(half, block),
    [ourExecutable]: { text, mode: 0o755 },
  };
}

const certs = "/etc/keylime/certs";

/** The plugin_data of the report, with the two keys that the Go plugin does not know. */
export const reportedData = [
  'keylime_verifier_host = "127.0.0.1"',
  'keylime_verifier_port = "8881"',
  `keylime_tls_ca_cert_file = "${certs}/ca-complete-chain.crt"`,
  `keylime_tls_client_cert_file = "${certs}/verifier.crt"`,
  `keylime_tls_client_key_file = "${certs}/verifier.key"`,
];

/** The same with the keys that the Go plugin knows. */
export const mendedData = reportedData.map((line) => line.replace("_client_", "_"));

/** The verifier's file as the report prints it, under the section that Keylime reads. */
export function reportedVerifierConf(section = "verifier"): string {
  return [
    `[${section}]`,
    `tls_dir = ${certs}`,
    "enable_agent_mtls = False",
    "server_cert = verifier.crt",
    'trusted_server_ca = ["ca.crt"]',
    "client_cert = verifier.crt",
    '#trusted_client_ca = ["ca.crt"]  # Currently commented out',
    "",
  ].join("\n");
}

/** The report's certificates, Keylime's own CA beside them, and the Go plugin's two executables. */
export function reportedFiles(pki: FieldReportPki): Tree {
  const cvCa = Object.entries(pki.cvCa.files).map(([name, text]) => [`/var/lib/keylime/cv_ca/${name}`, text]);
  return {
    [`${certs}/ca.crt`]: pki.caCompleteChainPem,
    [`${certs}/ca-complete-chain.crt`]: pki.caCompleteChainPem,
    [`${certs}/verifier.crt`]: pki.verifier.chainPem,
    [`${certs}/verifier.key`]: { text: pki.verifier.keyPem, mode: 0o600 },
    ...Object.fromEntries(cvCa),
    [goServer]: { text: goExecutable("server"), mode: 0o755 },
    [goAgent]: { text: goExecutable("agent"), mode: 0o755 },
  };
}

/** The whole set-up of the report: both files as printed, the verifier's section named as Keylime reads it. */
export function fieldReport(pki: FieldReportPki): Tree {
  return {
    ...reportedFiles(pki),
    [serverConf]: spireConf("server", { data: reportedData }),
    [verifierConf]: reportedVerifierConf(),
  };
}

/** The report's set-up with every fault mended. */
export function healthy(pki: FieldReportPki): Tree {
  return {
    ...fieldReport(pki),
    [serverConf]: spireConf("server", { data: mendedData }),
    [agentConf]: spireConf("agent", { data: ['keylime_agent_host = "127.0.0.1"'] }),
    [verifierConf]: reportedVerifierConf().replace(/#(trusted_client_ca = \["ca.crt"\]).*/, "$1"),
  };
}
