export interface PluginBlockOptions {
  /** `keylime` without: it is the attestation type and the selectors' type on both sides. */
  name?: string;
  /** Absolute path of the plugin's executable. */
  command: string;
  args?: readonly string[];
  /** Hex SHA-256 of the command's file. */
  checksum?: string;
  /** HCL of `plugin_data`, without its braces. */
  data: string;
}

/** `NodeAttestor "keylime" { … }` as an operator writes it. */
export function pluginBlock({ name = "keylime", command, args, checksum, data }: PluginBlockOptions): string {
  return [
    `NodeAttestor "${name}" {`,
    `  plugin_cmd = ${JSON.stringify(command)}`,
    ...(args === undefined ? [] : [`  plugin_args = ${JSON.stringify(args)}`]),
    ...(checksum === undefined ? [] : [`  plugin_checksum = "${checksum}"`]),
    "  plugin_data {",
    data,
    "  }",
    "}",
  ].join("\n");
}

/** `key = "value"` lines; undefined leaves a key out. */
export function pluginData(values: Record<string, string | number | boolean | undefined>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `    ${key} = ${JSON.stringify(value)}`)
    .join("\n");
}

interface CommonOptions {
  dataDir: string;
  socketPath: string;
  trustDomain: string;
  port: number;
  nodeAttestorBlock: string;
}

interface ServerConfig extends CommonOptions {
  agentTtl: string;
  moreServerOptions: string;
  /** HCL beside `server { … }`. */
  moreBlocks?: string;
}

interface AgentConfig extends CommonOptions {
  bundleFile: string;
  moreAgentOptions: string;
}

/** Entries reach the cache within a second, and a test may attest as often as it likes. */
export function serverConfigText(config: ServerConfig): string {
  return `server {
  bind_address = "127.0.0.1"
  bind_port = "${config.port}"
  socket_path = "${config.socketPath}"
  trust_domain = "${config.trustDomain}"
  data_dir = "${config.dataDir}"
  log_level = "DEBUG"
  log_format = "json"
  agent_ttl = "${config.agentTtl}"
  ratelimit { attestation = false }
  experimental { cache_reload_interval = "1s" }
  ${config.moreServerOptions}
}
${config.moreBlocks ?? ""}
plugins {
  DataStore "sql" {
    plugin_data {
      database_type = "sqlite3"
      connection_string = "${config.dataDir}/datastore.sqlite3"
    }
  }
  KeyManager "memory" {
    plugin_data {}
  }
  ${config.nodeAttestorBlock}
}
`;
}

export function agentConfigText(config: AgentConfig): string {
  return `agent {
  data_dir = "${config.dataDir}"
  log_level = "DEBUG"
  log_format = "json"
  server_address = "127.0.0.1"
  server_port = "${config.port}"
  socket_path = "${config.socketPath}"
  trust_bundle_path = "${config.bundleFile}"
  trust_domain = "${config.trustDomain}"
  experimental { sync_interval = "1s" }
  ${config.moreAgentOptions}
}
plugins {
  KeyManager "memory" {
    plugin_data {}
  }
  WorkloadAttestor "unix" {
    plugin_data {}
  }
  ${config.nodeAttestorBlock}
}
`;
}
