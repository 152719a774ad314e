import { posix } from "node:path";
import { Problem } from "../../core/problem.js";
import { findTomlEntry, type TomlDocument, tomlValueAt } from "../../formats/toml/document.js";
import { parseToml } from "../../formats/toml/parser.js";
import { parseAgentList } from "./agent-list.js";
import type {
  ConfigFile,
  FileContent,
  IgnoredFile,
  OptionContent,
  OptionSource,
  SettledOption,
} from "./component-config.js";
import type { ConfigReader, FileText } from "./config-reader.js";

/** The Rust agent's configuration: the files it reads, in their order, and its environment. */
export interface AgentConfig {
  files: readonly ConfigFile[];
  ignored: readonly IgnoredFile[];
  environment: Readonly<Record<string, string>>;
}

/** Options of the agent that matter to who talks to it, with the agent's built-in values (rust-keylime 0.2.9 base.rs). */
export const agentDefaults = {
  uuid: "d432fbb3-d2f1-4a97-9ef7-75bd81c00000",
  ip: "127.0.0.1",
  port: "9002",
  contact_ip: "127.0.0.1",
  contact_port: "9002",
  registrar_ip: "127.0.0.1",
  registrar_port: "8890",
  enable_agent_mtls: "true",
  keylime_dir: "/var/lib/keylime",
  server_cert: "default",
  server_key: "default",
  server_key_password: "",
  trusted_client_ca: "default",
  tpm_hash_alg: "sha256",
  tpm_encryption_alg: "rsa",
  tpm_signing_alg: "rsassa",
  api_versions: "default",
  run_as: "keylime:tss",
  verifier_url: "https://localhost:8881",
  verifier_tls_ca_cert: "default",
} as const;

export type AgentOption = keyof typeof agentDefaults;

/**
 * Reads what the Rust agent reads (rust-keylime 0.2.9 config/file_config.rs): the file that KEYLIME_AGENT_CONFIG names,
 * alone; without it /usr/etc/keylime/agent.conf, its snippets, then those of /etc, each on top of the ones before.
 */
export async function loadAgentConfig(
  reader: ConfigReader,
  environment: Readonly<Record<string, string>> = {},
): Promise<AgentConfig> {
  const named = environment.KEYLIME_AGENT_CONFIG;
  if (named !== undefined && named !== "") {
    return {
      files: [configFile(named, "named by environment", await reader.readFile(named))],
      ignored: [],
      environment,
    };
  }
  const files: ConfigFile[] = [];
  for (const base of ["/usr/etc/keylime/agent.conf", "/etc/keylime/agent.conf"]) {
    const text = await reader.readFile(base);
    if (text.is !== "absent") files.push(configFile(base, "base", text));
    for (const name of [...(await reader.listFiles(`${base}.d`))].sort()) {
      const path = `${base}.d/${name}`;
      files.push(configFile(path, "snippet", await reader.readFile(path)));
    }
  }
  return { files, ignored: [], environment };
}

/** An option as the agent has it, who says so, and whom that overrules; `source` is undefined for the built-in value. */
export function settleAgentOption(
  { files, environment }: AgentConfig,
  name: AgentOption,
): Omit<SettledOption, "source"> & { source: OptionSource | undefined } {
  const variable = `KEYLIME_AGENT_${name.toUpperCase()}`;
  const fromEnvironment = environment[variable];
  const said = [
    ...(fromEnvironment === undefined
      ? []
      : [{ value: fromEnvironment, source: { kind: "environment", variable } as const }]),
    ...files.flatMap((file) => saidBy(file, name)).reverse(),
  ];
  const [first, ...overrides] = said;
  const settled = { name, section: "agent", overrides };
  return first === undefined ? { ...settled, value: agentDefaults[name], source: undefined } : { ...settled, ...first };
}

/** The agent's TLS files, absolute. */
export interface AgentTls {
  serverCert: string;
  serverKey: string;
  trustedClientCa: readonly string[];
  /** In push mode: what it judges the verifier by. */
  verifierTlsCaCert: string;
  /** Why trusted_client_ca is no list. */
  problem?: string;
}

export function agentTls(config: AgentConfig): AgentTls {
  const directory = config.environment.KEYLIME_DIR || settleAgentOption(config, "keylime_dir").value;
  const file = (value: string, standard: string) =>
    posix.resolve(directory, value === "" || value === "default" ? standard : value);
  const names = parseAgentList(settleAgentOption(config, "trusted_client_ca").value);
  return {
    serverCert: file(settleAgentOption(config, "server_cert").value, "server-cert.crt"),
    serverKey: file(settleAgentOption(config, "server_key").value, "server-private.pem"),
    verifierTlsCaCert: file(settleAgentOption(config, "verifier_tls_ca_cert").value, "cv_ca/cacert.crt"),
    trustedClientCa: (names ?? []).map((name) => file(name, "cv_ca/cacert.crt")),
    ...(names === undefined ? { problem: "it is no list of names" } : {}),
  };
}

function saidBy({ path, content }: ConfigFile, name: string): { value: string; source: OptionSource }[] {
  if (content.is !== "read") return [];
  return content.sections
    .filter((section) => section.name === "agent")
    .flatMap(({ options }) => options)
    .filter((option) => option.name === name)
    .map(({ value, line, column }) => ({ value, source: { kind: "file", file: path, line, column } }));
}

function configFile(path: string, role: ConfigFile["role"], text: FileText): ConfigFile {
  if (text.is === "text") return { path, role, content: parse(path, text.text) };
  return { path, role, content: { is: "unreadable", reason: text.is === "absent" ? "no such file" : text.reason } };
}

function parse(path: string, text: string): FileContent {
  try {
    return { is: "read", sections: agentSection(parseToml(text, { file: path })), commented: [] };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const { message, at } = error;
    return { is: "broken", message, ...(at === undefined ? {} : { line: at.line, column: at.column }) };
  }
}

/** Every option of `[agent]` that has a value of its own, as text. */
function agentSection(document: TomlDocument): { name: string; line: number; options: OptionContent[] }[] {
  const table = tomlValueAt(document, ["agent"]);
  if (typeof table !== "object") return [];
  const line = document.headers.find(({ path }) => path.length === 1 && path[0] === "agent")?.span.line ?? 1;
  const options = Object.keys(table).flatMap((name): OptionContent[] => {
    const value = tomlValueAt(document, ["agent", name]);
    const key = findTomlEntry(document, ["agent", name])?.key;
    if (key === undefined || typeof value === "object") return [];
    return [{ name, value: String(value), line: key.line, column: key.column }];
  });
  return [{ name: "agent", line, options }];
}
