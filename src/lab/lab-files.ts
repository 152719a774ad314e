import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { FieldReportPki } from "../peers/pki/field-report-pki.js";

/** The files of the field report's host, below one directory instead of the root. */
export interface LabFiles {
  root: string;
  serverConf: string;
  agentConf: string;
  caFile: string;
  verifierCert: string;
  verifierKey: string;
  /** Where Keylime keeps the certificates it makes for itself: the Go plugin's default. */
  cvCa: string;
}

export function labFiles(root: string): LabFiles {
  const certs = join(root, "etc/keylime/certs");
  return {
    root,
    serverConf: join(root, "etc/spire/server.conf"),
    agentConf: join(root, "etc/spire/agent.conf"),
    caFile: join(certs, "ca-complete-chain.crt"),
    verifierCert: join(certs, "verifier.crt"),
    verifierKey: join(certs, "verifier.key"),
    cvCa: join(root, "var/lib/keylime/cv_ca"),
  };
}

export interface LabAddresses {
  verifierPort: number;
  registrarPort: number;
  agentPort: number;
}

/** Writes certificates and configuration with the report's names and layout. */
export async function writeLabFiles(files: LabFiles, pki: FieldReportPki, addresses: LabAddresses): Promise<void> {
  await writeWhole(files.caFile, pki.caCompleteChainPem);
  await writeWhole(files.verifierCert, pki.verifier.chainPem);
  await writeWhole(files.verifierKey, pki.verifier.keyPem, 0o600);
  for (const [name, pem] of Object.entries(pki.cvCa.files)) await writeWhole(join(files.cvCa, name), pem, 0o600);
  await writeWhole(files.serverConf, serverConfText(files, addresses));
  await writeWhole(files.agentConf, agentConfText(files, addresses));
}

/** Writes beside the file and renames, so that no reader ever sees half of it. */
export async function writeWhole(path: string, text: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, text, { mode });
  await rename(`${path}.new`, path);
}

const defaultRegistrarPort = 8891;
const defaultAgentPort = 9002;

function serverConfText(files: LabFiles, { verifierPort, registrarPort }: LabAddresses): string {
  const registrar = registrarPort === defaultRegistrarPort ? "" : `\n      keylime_registrar_port = "${registrarPort}"`;
  return `server {
  bind_address = "127.0.0.1"
  bind_port = "8081"
  trust_domain = "funlab.casa"
  data_dir = "${join(files.root, "var/lib/spire/server")}"
}

plugins {
  NodeAttestor "keylime" {
    plugin_cmd = "/opt/spire/plugins/keylime-attestor-server"
    plugin_data {
      keylime_verifier_host = "127.0.0.1"
      keylime_verifier_port = "${verifierPort}"
      keylime_tls_ca_cert_file = "${files.caFile}"
      keylime_tls_client_cert_file = "${files.verifierCert}"
      keylime_tls_client_key_file = "${files.verifierKey}"${registrar}
    }
  }
}
`;
}

function agentConfText(files: LabFiles, { agentPort }: LabAddresses): string {
  const port = agentPort === defaultAgentPort ? "" : `\n      keylime_agent_port = "${agentPort}"`;
  return `agent {
  server_address = "127.0.0.1"
  server_port = "8081"
  trust_domain = "funlab.casa"
  data_dir = "${join(files.root, "var/lib/spire/agent")}"
}

plugins {
  NodeAttestor "keylime" {
    plugin_cmd = "/opt/spire/plugins/keylime-attestor-agent"
    plugin_data {
      keylime_agent_ca_cert_file = "${files.caFile}"
      keylime_agent_client_cert_file = "${files.verifierCert}"
      keylime_agent_client_key_file = "${files.verifierKey}"${port}
    }
  }
}
`;
}
