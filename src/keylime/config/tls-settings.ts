import { posix } from "node:path";
import type { ComponentConfig, SettledOption } from "./component-config.js";
import { settleOption } from "./settle-option.js";
import { readTrustList, type TrustList } from "./trust-list.js";

/** The TLS files of a component, absolute. */
export interface KeylimeTls {
  dir: TlsDir;
  /** What it presents as a server; the tenant is none. */
  server: TlsIdentity | undefined;
  /** What it presents as a client; the registrar is none. */
  client: TlsIdentity | undefined;
  trustedClientCa: TlsTrust | undefined;
  trustedServerCa: TlsTrust | undefined;
}

/** `option` is undefined where no source sets it. */
export interface TlsDir {
  option: SettledOption | undefined;
  /** Undefined when Keylime stops at the value. */
  path: string | undefined;
  problem?: string;
}

export interface TlsIdentity {
  cert: TlsFile;
  key: TlsFile;
  hasKeyPassword: boolean;
}

export interface TlsFile {
  option: SettledOption | undefined;
  /** Undefined without a value: Keylime then stops with "certificate not provided". */
  path: string | undefined;
}

export interface TlsTrust {
  option: SettledOption | undefined;
  list: TrustList;
  /** The files that a list or `default` names. */
  files: readonly string[];
}

const generatedDirectories: Partial<Record<string, string>> = { verifier: "cv_ca", registrar: "reg_ca" };

/** Resolves the TLS options as keylime 7.14.3 does (web_util.py: get_tls_dir, init_tls_dir, get_tls_options). */
export function tlsSettings(config: ComponentConfig): KeylimeTls {
  const dir = tlsDir(config);
  const isServer = config.component !== "tenant";
  const isClient = config.component !== "registrar";
  return {
    dir,
    server: isServer ? identity(config, dir, "server") : undefined,
    client: isClient ? identity(config, dir, "client") : undefined,
    trustedClientCa: isServer ? trust(config, dir, "trusted_client_ca") : undefined,
    trustedServerCa: isClient ? trust(config, dir, "trusted_server_ca") : undefined,
  };
}

function tlsDir(config: ComponentConfig): TlsDir {
  const option = settleOption(config, "tls_dir");
  if (option === undefined || option.value === "") return { option, path: undefined, problem: "tls_dir is not set" };
  if (option.value === "default") return { option, path: below(config.workDir, "cv_ca") };
  if (option.value !== "generate") return { option, path: below(config.workDir, option.value) };
  const generated = generatedDirectories[config.component];
  const problem =
    generated === undefined ? `the ${config.component} cannot generate its certificates` : generateProblem(config);
  if (generated === undefined) return { option, path: undefined, ...(problem === undefined ? {} : { problem }) };
  return { option, path: below(config.workDir, generated), ...(problem === undefined ? {} : { problem }) };
}

/** With tls_dir = generate everything else must be left at default. */
function generateProblem(config: ComponentConfig): string | undefined {
  const own = ["server_cert", "server_key", "trusted_client_ca"];
  const options = config.component === "verifier" ? [...own, "client_cert", "client_key", "trusted_server_ca"] : own;
  const others = options.filter((name) => settleOption(config, name)?.value !== "default");
  return others.length === 0 ? undefined : `tls_dir = generate wants ${others.join(", ")} = default`;
}

function identity(config: ComponentConfig, dir: TlsDir, role: "server" | "client"): TlsIdentity {
  const password = settleOption(config, `${role}_key_password`)?.value ?? "";
  return {
    cert: tlsFile(config, dir, `${role}_cert`, `${role}-cert.crt`),
    key: tlsFile(config, dir, `${role}_key`, `${role}-private.pem`),
    hasKeyPassword: password !== "",
  };
}

function tlsFile(config: ComponentConfig, dir: TlsDir, name: string, standard: string): TlsFile {
  const option = settleOption(config, name);
  if (option === undefined || option.value === "" || dir.path === undefined) return { option, path: undefined };
  return { option, path: below(dir.path, option.value === "default" ? standard : option.value) };
}

function trust(config: ComponentConfig, dir: TlsDir, name: string): TlsTrust {
  const option = settleOption(config, name);
  const list = readTrustList(option?.value ?? "");
  // Of every component this is the CA below the work dir, wherever tls_dir points.
  if (list.is === "default") return { option, list, files: [below(config.workDir, "cv_ca/cacert.crt")] };
  if (list.is !== "files" || dir.path === undefined) return { option, list, files: [] };
  return { option, list, files: list.names.map((file) => below(dir.path!, file)) };
}

function below(directory: string, path: string): string {
  return posix.resolve(directory, path);
}
