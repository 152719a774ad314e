import { chmod, mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { FieldReportPki } from "../peers/pki/field-report-pki.js";
import { agentConfigText, pluginBlock, pluginData, serverConfigText } from "../peers/real/spire-config.js";
import type { SpireHome } from "../peers/real/spire-process.js";
import type { LabPorts } from "./lab-ports.js";
import { quoted } from "./shell.js";

/** The files of the field report's host, below one directory instead of the root. */
export interface LabFiles {
  root: string;
  /** Where the real programs and their plugins put sockets: what is killed leaves them behind. */
  temporary: string;
  spireServer: SpireHome & { plugin: string };
  spireAgent: SpireHome & { plugin: string };
  /** Keylime's `tls_dir` and what else the report keeps there. */
  certs: string;
  caFile: string;
  verifierCert: string;
  verifierKey: string;
  keylimeConfig: string;
  keylimeWork: string;
  /** Where Keylime keeps the certificates it makes for itself: the Go plugin's default. */
  cvCa: string;
}

export const labTrustDomain = "funlab.casa";

export function labFiles(root: string): LabFiles {
  const certs = join(root, "etc/keylime/certs");
  const keylimeWork = join(root, "var/lib/keylime");
  const spire = (name: "server" | "agent") => ({
    configFile: join(root, `etc/spire/${name}.conf`),
    dataDir: join(root, `var/lib/spire/${name}`),
    socketPath: join(root, `run/spire-${name}.sock`),
    plugin: join(root, `opt/spire/plugins/keylime-attestor-${name}`),
  });
  return {
    root,
    temporary: join(root, "tmp"),
    spireServer: spire("server"),
    spireAgent: spire("agent"),
    certs,
    caFile: join(certs, "ca-complete-chain.crt"),
    verifierCert: join(certs, "verifier.crt"),
    verifierKey: join(certs, "verifier.key"),
    keylimeConfig: join(root, "etc/keylime"),
    keylimeWork,
    cvCa: join(keylimeWork, "cv_ca"),
  };
}

/** Writes certificates and SPIRE's configuration with the report's names and layout. */
export async function writeLabFiles(files: LabFiles, pki: FieldReportPki, ports: LabPorts): Promise<void> {
  await writeWhole(files.caFile, pki.caCompleteChainPem);
  await writeWhole(files.verifierCert, pki.verifier.chainPem);
  await writeWhole(files.verifierKey, pki.verifier.keyPem, 0o600);
  for (const [name, pem] of Object.entries(pki.cvCa.files)) await writeWhole(join(files.cvCa, name), pem, 0o600);
  await writeWhole(files.spireServer.configFile, serverConf(files, ports));
  await writeWhole(files.spireAgent.configFile, agentConf(files, ports));
}

/** Writes beside the file and renames, so that no reader ever sees half of it. */
export async function writeWhole(path: string, text: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, text, { mode });
  await rename(`${path}.new`, path);
}

/** Puts a program where plugin_cmd looks for it: a script that becomes this program with these arguments. */
export async function installPlugin(
  path: string,
  { executable, args, env = {} }: { executable: string; args: readonly string[]; env?: Record<string, string> },
): Promise<void> {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${quoted(value)} `);
  const command = [process.execPath, executable, ...args].map(quoted).join(" ");
  await writeWhole(path, `#!/bin/sh\n${variables.join("")}exec ${command}\n`, 0o755);
  await chmod(path, 0o755);
}

const usualRegistrarPort = 8891;
const usualAgentPort = 9002;

/** The report's plugin_data, key by key; a port is added only where the machine's own is taken. */
function serverConf(files: LabFiles, { verifier, registrarTls, spireServer }: LabPorts): string {
  const data = pluginData({
    keylime_verifier_host: "127.0.0.1",
    keylime_verifier_port: String(verifier),
    keylime_tls_ca_cert_file: files.caFile,
    keylime_tls_client_cert_file: files.verifierCert,
    keylime_tls_client_key_file: files.verifierKey,
    keylime_registrar_port: registrarTls === usualRegistrarPort ? undefined : String(registrarTls),
  });
  return serverConfigText({
    ...files.spireServer,
    trustDomain: labTrustDomain,
    port: spireServer,
    agentTtl: "1h",
    nodeAttestorBlock: pluginBlock({ command: files.spireServer.plugin, data }),
    moreServerOptions: "",
  });
}

function agentConf(files: LabFiles, { keylimeAgent, spireServer }: LabPorts): string {
  const data = pluginData({
    keylime_agent_port: keylimeAgent === usualAgentPort ? undefined : String(keylimeAgent),
    keylime_agent_ca_cert_file: files.caFile,
    keylime_agent_client_cert_file: files.verifierCert,
    keylime_agent_client_key_file: files.verifierKey,
  });
  return agentConfigText({
    ...files.spireAgent,
    trustDomain: labTrustDomain,
    port: spireServer,
    bundleFile: join(files.spireServer.dataDir, "bundle.pem"),
    nodeAttestorBlock: pluginBlock({ command: files.spireAgent.plugin, data }),
    moreAgentOptions: "",
  });
}
