import { apiVersions, hashAlgs, selectorNames, signAlgs } from "./settings.js";

/** What one key of `plugin_data` takes. The documentation's tables are checked against these. */
export interface KeySchema {
  type: "host" | "port" | "urls" | "file" | "choice" | "duration" | "boolean" | "names" | "template";
  /** What an absent key amounts to, as one would write it; undefined where absence is a meaning of its own. */
  default?: string | boolean | readonly string[];
  /** What an absent key amounts to where that is no value: for the documentation. */
  absent?: string;
  /** The words a choice, a list of names or (beside a length) a duration takes. */
  words?: readonly string[];
  /** The sensible range of a duration, in milliseconds. */
  rangeMs?: readonly [number, number];
  aliases?: readonly string[];
  /** For the documentation: one sentence. */
  meaning: string;
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const cvCa = "/var/lib/keylime/cv_ca";

export const serverKeys = {
  keylime_verifier_host: {
    type: "host",
    default: "127.0.0.1",
    meaning: "Host name or address of the Keylime verifier.",
  },
  keylime_verifier_port: { type: "port", default: "8881", meaning: "HTTPS port of the Keylime verifier." },
  keylime_verifier_urls: {
    type: "urls",
    absent: "one verifier: the host and port above",
    meaning:
      'Several verifiers that share one database, as a list of `"https://<host>:<port>"`, tried in turn. Replaces `keylime_verifier_host` and `keylime_verifier_port`; giving both is an error.',
  },
  keylime_verifier_server_name: {
    type: "host",
    absent: "the verifier's host",
    meaning: "The name that the verifier's certificate must carry, when that is not the host it is reached by.",
  },
  keylime_tls_ca_cert_file: {
    type: "file",
    default: `${cvCa}/cacert.crt`,
    meaning: "Trust for the verifier's certificate, PEM. Verification is always on.",
  },
  keylime_tls_cert_file: {
    type: "file",
    default: `${cvCa}/server-cert.crt`,
    aliases: ["keylime_tls_client_cert_file"],
    meaning: "The client certificate presented to the verifier, PEM, leaf first, intermediates after it.",
  },
  keylime_tls_key_file: {
    type: "file",
    default: `${cvCa}/server-private.pem`,
    aliases: ["keylime_tls_client_key_file"],
    meaning: "The private key of the client certificate, PEM.",
  },
  keylime_tls_key_password_file: {
    type: "file",
    absent: "the key is not encrypted",
    meaning: "A file with the password of an encrypted private key.",
  },
  keylime_api_version: {
    type: "choice",
    default: "auto",
    words: ["auto", ...apiVersions],
    meaning: `Keylime's REST API version: \`auto\` negotiates the highest that both sides know within ${apiVersions[0]}–${apiVersions.at(-1)}; one of them may be fixed.`,
  },
  request_timeout: {
    type: "duration",
    default: "10s",
    rangeMs: [100, 5 * minute],
    meaning: "How long one request to a Keylime service may take (100ms to 5m).",
  },
  attestation_timeout: {
    type: "duration",
    default: "60s",
    rangeMs: [second, 10 * minute],
    meaning: "How long one attestation may take altogether (1s to 10m).",
  },
  max_attestation_age: {
    type: "duration",
    default: "auto",
    words: ["auto"],
    rangeMs: [second, 720 * hour],
    meaning:
      "Refuse a node whose last successful Keylime attestation is older (1s to 720h). `auto` takes the verifier's maximum attestation interval, at least 60s; 60s where the verifier names none (API before 2.5). The verifier's own clock counts.",
  },
  require_runtime_policy: {
    type: "boolean",
    default: false,
    meaning: "Refuse nodes that were enrolled without a runtime policy.",
  },
  require_measured_boot: {
    type: "boolean",
    default: false,
    meaning: "Refuse nodes that were enrolled without a measured boot policy.",
  },
  require_agent_mtls: {
    type: "boolean",
    default: false,
    meaning: "Refuse nodes whose Keylime agent was enrolled without mutual TLS. See the security considerations.",
  },
  keylime_registrar_host: {
    type: "host",
    default: "127.0.0.1",
    meaning: "Host name or address of the Keylime registrar, where the node's attestation key comes from.",
  },
  keylime_registrar_port: { type: "port", default: "8891", meaning: "HTTPS port of the Keylime registrar." },
  keylime_registrar_server_name: {
    type: "host",
    absent: "the registrar's host",
    meaning: "The name that the registrar's certificate must carry, when that is not the host it is reached by.",
  },
  keylime_registrar_tls_ca_cert_file: {
    type: "file",
    absent: "the file for the verifier",
    meaning: "Trust for the registrar's certificate, PEM, when it differs from the verifier's.",
  },
  keylime_registrar_tls_cert_file: {
    type: "file",
    absent: "the file for the verifier",
    meaning: "The client certificate presented to the registrar, PEM, when it differs from the verifier's.",
  },
  keylime_registrar_tls_key_file: {
    type: "file",
    absent: "the file for the verifier",
    meaning: "The private key of the registrar's client certificate, PEM.",
  },
  keylime_registrar_tls_key_password_file: {
    type: "file",
    absent: "the file for the verifier, unless the registrar has a key file of its own",
    meaning: "A file with the password of the registrar's private key.",
  },
  allowed_hash_algs: {
    type: "names",
    default: hashAlgs,
    words: hashAlgs,
    meaning: "The hash algorithms a quote may use. The agent's claim is checked against this list.",
  },
  allowed_sign_algs: {
    type: "names",
    default: ["rsassa", "ecdsa"],
    words: signAlgs,
    meaning: "The signature algorithms a quote may use: `rsassa`, `ecdsa`.",
  },
  agent_path_template: {
    type: "template",
    default: "{{ .PluginName }}/{{ .UUID }}",
    meaning:
      "Path of the node's SPIFFE ID below `/spire/agent/`. `{{ .PluginName }}` (always `keylime`) and `{{ .UUID }}` (the Keylime agent's UUID, required) are the placeholders.",
  },
  selectors: {
    type: "names",
    default: "all",
    words: selectorNames,
    meaning: 'Which of the selectors below are emitted, as a list of names such as `["uuid", "meta"]`, or `"all"`.',
  },
} as const satisfies Record<string, KeySchema>;
export type ServerKey = keyof typeof serverKeys;

export const agentKeys = {
  keylime_agent_host: {
    type: "host",
    default: "127.0.0.1",
    meaning: "Host name or address of the Keylime agent on this node.",
  },
  keylime_agent_port: { type: "port", default: "9002", meaning: "Port of the Keylime agent." },
  keylime_agent_use_tls: {
    type: "choice",
    default: "auto",
    words: ["auto", "true", "false"],
    meaning:
      "Whether the Keylime agent speaks TLS: `true`, `false`, or `auto`: TLS where `keylime_agent_ca_cert_file` says whom to trust, and plain HTTP with a Keylime agent that speaks no TLS or where that file is not given.",
  },
  keylime_agent_ca_cert_file: {
    type: "file",
    absent: "",
    meaning: "Trust for the Keylime agent's certificate, PEM.",
  },
  keylime_agent_client_cert_file: {
    type: "file",
    absent: "",
    meaning: "The client certificate presented to the Keylime agent, PEM, leaf first.",
  },
  keylime_agent_client_key_file: {
    type: "file",
    absent: "",
    meaning: "The private key of that certificate, PEM, not encrypted.",
  },
  keylime_agent_server_name: {
    type: "host",
    absent: "the Keylime agent's host",
    meaning: "The name that the Keylime agent's certificate must carry, when that is not the host.",
  },
} as const satisfies Record<string, KeySchema>;
export type AgentKey = keyof typeof agentKeys;

/**
 * What the Go plugin pair knows (keylime/spire-keylime-plugin@9f270a0: pkg/server/server.go, pkg/agent/agent.go), with
 * its defaults. It ignores every other key without a word.
 */
export const goPluginKeys = {
  server: {
    keylime_verifier_host: "127.0.0.1",
    keylime_verifier_port: "8881",
    keylime_tls_ca_cert_file: `${cvCa}/cacert.crt`,
    keylime_tls_cert_file: `${cvCa}/server-cert.crt`,
    keylime_tls_key_file: `${cvCa}/server-private.pem`,
  },
  agent: { keylime_agent_host: "127.0.0.1", keylime_agent_port: "9002" },
} as const;
