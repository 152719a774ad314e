import type { Findings } from "./findings.js";
import { httpsUrl } from "./host.js";
import type { AgentKey, ServerKey } from "./schema.js";
import type {
  AgentSettings,
  ApiVersion,
  ClientTlsFiles,
  FileSetting,
  HashAlg,
  SelectorName,
  ServerSettings,
  SignAlg,
  VerifierAddress,
} from "./settings.js";
import { agentPathTemplateFlaw } from "./spiffe-id.js";
import type { ValueReader } from "./value-reader.js";

/** Fills the server half's settings in; what is wrong goes to the findings. */
export function readServerSettings(reader: ValueReader<ServerKey>, findings: Findings): ServerSettings {
  const tls = readVerifierTls(reader, findings);
  const verifierServerName = reader.host("keylime_verifier_server_name");
  const settings: ServerSettings = {
    verifiers: readVerifiers(reader),
    ...(verifierServerName === undefined ? {} : { verifierServerName }),
    tls,
    registrar: readRegistrar(reader, tls, findings),
    apiVersion: reader.choice("keylime_api_version") as "auto" | ApiVersion,
    requestTimeoutMs: reader.duration("request_timeout") as number,
    attestationTimeoutMs: reader.duration("attestation_timeout") as number,
    maxAttestationAgeMs: reader.duration("max_attestation_age") as "auto" | number,
    requireRuntimePolicy: reader.boolean("require_runtime_policy"),
    requireMeasuredBoot: reader.boolean("require_measured_boot"),
    requireAgentMtls: reader.boolean("require_agent_mtls"),
    allowedHashAlgs: reader.names("allowed_hash_algs") as HashAlg[],
    allowedSignAlgs: reader.names("allowed_sign_algs") as SignAlg[],
    agentPathTemplate: reader.template("agent_path_template", agentPathTemplateFlaw),
    selectors: reader.names("selectors") as SelectorName[],
    origins: reader.origins(),
  };
  if (settings.requestTimeoutMs > settings.attestationTimeoutMs) {
    const message = "request_timeout is longer than attestation_timeout, which ends the request first";
    findings.warning("plugin-bad-value", message, undefined, "lower request_timeout");
  }
  return settings;
}

/** Fills the agent half's settings in; what is wrong goes to the findings. */
export function readAgentSettings(reader: ValueReader<AgentKey>, findings: Findings): AgentSettings {
  const useTls = reader.choice("keylime_agent_use_tls");
  const serverName = reader.host("keylime_agent_server_name");
  const tls = definedOnly({
    caFile: reader.file("keylime_agent_ca_cert_file"),
    certFile: reader.file("keylime_agent_client_cert_file"),
    keyFile: reader.file("keylime_agent_client_key_file"),
  });
  checkAgentPair(reader);
  const unused = Object.values(tls).map(({ key }) => key);
  if (useTls === "false" && unused.length > 0) {
    const message = `keylime_agent_use_tls is false, so ${unused.join(", ")} ${unused.length === 1 ? "has" : "have"} no effect`;
    findings.warning("plugin-bad-value", message, undefined, "set keylime_agent_use_tls to auto or true");
  }
  return {
    host: reader.host("keylime_agent_host") ?? "",
    port: reader.port("keylime_agent_port"),
    useTls: useTls === "auto" ? "auto" : useTls === "true",
    ...(serverName === undefined ? {} : { serverName }),
    tls,
    origins: reader.origins(),
  };
}

function readVerifiers(reader: ValueReader<ServerKey>): [VerifierAddress, ...VerifierAddress[]] {
  const single = { host: reader.host("keylime_verifier_host") ?? "", port: reader.port("keylime_verifier_port") };
  const [first = single, ...others] = reader.urls("keylime_verifier_urls");
  for (const key of ["keylime_verifier_host", "keylime_verifier_port"] as const) {
    if (!reader.isSet("keylime_verifier_urls") || !reader.isSet(key)) continue;
    reader.bad(
      key,
      `${key} and keylime_verifier_urls are both given`,
      `remove ${key}; its verifier belongs in the list`,
    );
  }
  return [withUrl(first), ...others.map(withUrl)];
}

function withUrl<T extends { host: string; port: number }>(address: T): T & { url: string } {
  return { ...address, url: httpsUrl(address.host, address.port) };
}

function readVerifierTls(reader: ValueReader<ServerKey>, findings: Findings): ClientTlsFiles {
  const keyPasswordFile = reader.file("keylime_tls_key_password_file");
  const tls = {
    caFile: reader.file("keylime_tls_ca_cert_file")!,
    certFile: reader.file("keylime_tls_cert_file")!,
    keyFile: reader.file("keylime_tls_key_file")!,
    ...(keyPasswordFile === undefined ? {} : { keyPasswordFile }),
    keyPasswordKey: "keylime_tls_key_password_file",
  };
  warnOfHalfPair(reader, "keylime_tls_cert_file", "keylime_tls_key_file", tls, "the default", findings);
  return tls;
}

function readRegistrar(
  reader: ValueReader<ServerKey>,
  verifierTls: ClientTlsFiles,
  findings: Findings,
): ServerSettings["registrar"] {
  const serverName = reader.host("keylime_registrar_server_name");
  const ownKeyFile = reader.file("keylime_registrar_tls_key_file");
  // The verifier's password belongs to the verifier's key, never to the registrar's own.
  const keyPasswordFile =
    reader.file("keylime_registrar_tls_key_password_file") ??
    (ownKeyFile === undefined ? verifierTls.keyPasswordFile : undefined);
  const tls = {
    caFile: reader.file("keylime_registrar_tls_ca_cert_file") ?? verifierTls.caFile,
    certFile: reader.file("keylime_registrar_tls_cert_file") ?? verifierTls.certFile,
    keyFile: ownKeyFile ?? verifierTls.keyFile,
    ...(keyPasswordFile === undefined ? {} : { keyPasswordFile }),
    keyPasswordKey: ownKeyFile === undefined ? verifierTls.keyPasswordKey : "keylime_registrar_tls_key_password_file",
  };
  const [certKey, keyKey] = ["keylime_registrar_tls_cert_file", "keylime_registrar_tls_key_file"] as const;
  warnOfHalfPair(reader, certKey, keyKey, tls, "the verifier's", findings);
  const address = { host: reader.host("keylime_registrar_host") ?? "", port: reader.port("keylime_registrar_port") };
  return { ...withUrl(address), ...(serverName === undefined ? {} : { serverName }), tls };
}

/** A certificate whose key is left to a default is hardly ever meant: the key will be that of another certificate. */
function warnOfHalfPair(
  reader: ValueReader<ServerKey>,
  certKey: ServerKey,
  keyKey: ServerKey,
  tls: ClientTlsFiles,
  whose: string,
  findings: Findings,
): void {
  if (reader.isSet(certKey) === reader.isSet(keyKey)) return;
  const [given, missing, used] = reader.isSet(certKey)
    ? [certKey, keyKey, tls.keyFile]
    : [keyKey, certKey, tls.certFile];
  const message = `${given} is given without ${missing}, so ${whose} ${used.path} goes with it`;
  findings.warning("plugin-half-pair", message, undefined, `set ${missing} as well`);
}

function checkAgentPair(reader: ValueReader<AgentKey>): void {
  const [certKey, keyKey] = ["keylime_agent_client_cert_file", "keylime_agent_client_key_file"] as const;
  if (reader.isSet(certKey) === reader.isSet(keyKey)) return;
  const [given, missing] = reader.isSet(certKey) ? [certKey, keyKey] : [keyKey, certKey];
  reader.bad(given, `${given} is given without ${missing}`, `set ${missing} as well`);
}

function definedOnly<T extends Record<string, FileSetting | undefined>>(files: T): { [K in keyof T]?: FileSetting } {
  const defined = Object.entries(files).filter(([, file]) => file !== undefined);
  return Object.fromEntries(defined) as { [K in keyof T]?: FileSetting };
}
