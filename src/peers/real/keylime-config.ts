/** Options of one INI section; null leaves an option out, as an operator's `#` does. */
export type IniOptions = Record<string, string | number | boolean | null>;

export type IniSections = Record<string, IniOptions>;

/** INI as Keylime reads it (Python's RawConfigParser). Booleans are written as Python writes them. */
export function iniText(sections: IniSections): string {
  const lines = Object.entries(sections).flatMap(([name, options]) => [
    `[${name}]`,
    ...Object.entries(options)
      .filter(([, value]) => value !== null)
      .map(([option, value]) => `${option} = ${valueText(value)}`.trimEnd()),
    "",
  ]);
  return lines.join("\n");
}

/*
 * Every option that template version 2.6 (Keylime 7.14.3) knows, because Keylime stops at a missing one and only its
 * packages write them all. Those that the set-up decides are arguments; the rest has upstream's default, save that
 * nothing is notified and one worker serves: that is enough for one machine under attestation.
 */

const templateVersion = "2.6";

const durableAttestation: IniOptions = {
  durable_attestation_import: "",
  persistent_store_url: "",
  transparency_log_url: "",
  time_stamp_authority_url: "",
  time_stamp_authority_certs_path: "",
  persistent_store_format: "json",
  persistent_store_encoding: "",
  transparency_log_sign_algo: "sha256",
};

const database: IniOptions = { database_url: "sqlite", database_pool_sz_ovfl: "5,10", auto_migrate_db: true };

export interface KeylimePorts {
  verifier: number;
  registrarHttp: number;
  registrarTls: number;
}

export interface KeylimeSetUp {
  ports: KeylimePorts;
  /** Absolute; holds `<service>.crt` and `<service>.key` of verifier, registrar and tenant, and `ca.crt`. */
  tlsDir: string;
  agentMtls: boolean;
  quoteIntervalS: number;
}

export function verifierSections({ ports, tlsDir, agentMtls, quoteIntervalS }: KeylimeSetUp): IniSections {
  return {
    verifier: {
      version: templateVersion,
      uuid: "default",
      ip: "127.0.0.1",
      port: ports.verifier,
      registrar_ip: "127.0.0.1",
      registrar_port: ports.registrarTls,
      enable_agent_mtls: agentMtls,
      tls_dir: tlsDir,
      server_key: "verifier.key",
      server_key_password: "",
      server_cert: "verifier.crt",
      cert_subject_alternative_names: "",
      trusted_client_ca: '["ca.crt"]',
      client_key: "verifier.key",
      client_key_password: "",
      client_cert: "verifier.crt",
      trusted_server_ca: '["ca.crt"]',
      authorization_provider: "simple",
      ...database,
      num_workers: 1,
      max_workers: 1,
      exponential_backoff: true,
      retry_interval: 1,
      max_retries: 2,
      quote_interval: quoteIntervalS,
      max_upload_size: 104857600,
      request_timeout: "60.0",
      measured_boot_policy_name: "accept-all",
      measured_boot_imports: "[]",
      measured_boot_evaluate: "once",
      severity_labels: '["info", "notice", "warning", "error", "critical", "alert", "emergency"]',
      severity_policy: '[{"event_id": ".*", "severity_label": "emergency"}]',
      ignore_tomtou_errors: false,
      ...durableAttestation,
      signed_attributes: "",
      require_allow_list_signatures: false,
      mode: "pull",
      challenge_lifetime: 1800,
      verification_timeout: 0,
      session_create_rate_limit_per_ip: 50,
      session_create_rate_limit_window_ip: 60,
      session_create_rate_limit_per_agent: 15,
      session_create_rate_limit_window_agent: 60,
      session_lifetime: 180,
      extend_token_on_attestation: true,
      auto_recover_attestation_failures: false,
      shutdown_drain_timeout: 2,
    },
    revocations: {
      enabled_revocation_notifications: "[]",
      zmq_ip: "127.0.0.1",
      zmq_port: 8992,
      webhook_url: "",
    },
  };
}

export function registrarSections({ ports, tlsDir }: KeylimeSetUp): IniSections {
  return {
    registrar: {
      version: templateVersion,
      ip: "127.0.0.1",
      port: ports.registrarHttp,
      tls_port: ports.registrarTls,
      tls_dir: tlsDir,
      server_key: "registrar.key",
      server_key_password: "",
      server_cert: "registrar.crt",
      cert_subject_alternative_names: "",
      trusted_client_ca: '["ca.crt"]',
      authorization_provider: "simple",
      ...database,
      max_workers: 1,
      ...durableAttestation,
      signed_attributes: "ek_tpm,aik_tpm,ekcert",
      tpm_identity: "default",
      malformed_cert_action: "warn",
    },
  };
}

export function tenantSections({ ports, tlsDir, agentMtls }: KeylimeSetUp): IniSections {
  return {
    tenant: {
      version: templateVersion,
      verifier_ip: "127.0.0.1",
      verifier_port: ports.verifier,
      registrar_ip: "127.0.0.1",
      registrar_port: ports.registrarTls,
      tls_dir: tlsDir,
      enable_agent_mtls: agentMtls,
      client_key: "tenant.key",
      client_key_password: "",
      client_cert: "tenant.crt",
      trusted_server_ca: '["ca.crt"]',
      tpm_cert_store: "",
      max_payload_size: 1048576,
      accept_tpm_hash_algs: "['sha512', 'sha384', 'sha256']",
      accept_tpm_encryption_algs: "['ecc', 'rsa']",
      accept_tpm_signing_algs: "['ecdsa', 'ecschnorr', 'rsassa']",
      exponential_backoff: true,
      retry_interval: 1,
      max_retries: 2,
      request_timeout: 60,
      require_ek_cert: false,
      ek_check_script: "",
      mb_refstate: "",
    },
  };
}

export function caSections(): IniSections {
  return {
    ca: {
      version: templateVersion,
      password: "default",
      cert_country: "US",
      cert_ca_name: "Keylime Certificate Authority",
      cert_state: "MA",
      cert_locality: "Lexington",
      cert_organization: "Keylime",
      cert_org_unit: 53,
      cert_ca_lifetime: 3650,
      cert_lifetime: 365,
      cert_bits: 2048,
      cert_crl_dist: "http://localhost:38080/crl",
    },
  };
}

export function loggingSections(): IniSections {
  return {
    logging: { version: templateVersion },
    loggers: { keys: "root,keylime" },
    handlers: { keys: "consoleHandler" },
    formatters: { keys: "formatter" },
    formatter_formatter: {
      // Upstream's ends in %(reqidf)s, which the records of other libraries do not have: a stack trace for each.
      format: "%(asctime)s.%(msecs)03d - %(name)s - %(levelname)s - %(message)s",
      datefmt: "%Y-%m-%d %H:%M:%S",
    },
    logger_root: { level: "INFO", handlers: "consoleHandler" },
    handler_consoleHandler: {
      class: "StreamHandler",
      level: "INFO",
      formatter: "formatter",
      args: "(sys.stdout,)",
    },
    logger_keylime: { level: "INFO", qualname: "keylime", handlers: "" },
  };
}

function valueText(value: string | number | boolean | null): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  return String(value);
}
