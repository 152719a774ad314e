import type { Problem } from "../../../core/problem.js";
import type { HclItem } from "../../../formats/hcl/document.js";
import { type GoPluginData, type GoValue, understandGoData } from "../../../spire/go-plugin-data.js";
import { httpsUrl, parsePort } from "../../../spire/host.js";
import { judgeAgentItems, judgeServerItems } from "../../../spire/plugin-data.js";
import { type RawPluginData, scalarText } from "../../../spire/raw-data.js";
import { agentKeys, goPluginKeys, type KeySchema, serverKeys } from "../../../spire/schema.js";
import type { FileSetting, Origin, ServerSettings } from "../../../spire/settings.js";
import type {
  AgentView,
  ConfFlaw,
  PluginDataFacts,
  PluginKind,
  ServerView,
  SpireHalf,
  WrittenKey,
} from "./spire-facts.js";

export interface DataQuestion {
  items: readonly HclItem[];
  half: SpireHalf;
  kind: PluginKind;
  /** Keys the executable itself names, when it is a Go plugin. */
  executableKeys: readonly string[];
  /** What positions name. */
  file: string;
}

/** What the plugin at hand makes of its plugin_data. Pure. */
export function understandData({ items, half, kind, executableKeys, file }: DataQuestion): PluginDataFacts {
  if (kind !== "ours") return goData(understandGoData(items, half, file, executableKeys), half, file);
  const judged = half === "server" ? judgeServerItems(items, file) : judgeAgentItems(items, file);
  const problems = judged.problems.filter(({ code }) => code !== "plugin-unknown-key").map(flawOf);
  const shared = {
    file,
    keys: writtenKeys(judged.raw, file),
    defaults: defaultsOf(half, kind),
    problems,
    warnings: judged.warnings.map(flawOf),
  };
  const { understood } = judged;
  if (understood === undefined) return shared;
  return "verifiers" in understood
    ? { ...shared, server: { ...understood, verifiesServer: true } }
    : { ...shared, agent: understood };
}

/** Every key the plugin understands, aliases included. */
export function keysOf(half: SpireHalf, kind: PluginKind, executableKeys: readonly string[]): string[] {
  if (kind !== "ours") return [...new Set([...Object.keys(goPluginKeys[half]), ...executableKeys])];
  const keys: Record<string, KeySchema> = half === "server" ? serverKeys : agentKeys;
  return Object.entries(keys).flatMap(([key, { aliases = [] }]) => [key, ...aliases]);
}

/** What a key stands at when it is not written. */
export function defaultsOf(half: SpireHalf, kind: PluginKind): Readonly<Record<string, string>> {
  if (kind !== "ours") return goPluginKeys[half];
  const keys: Record<string, KeySchema> = half === "server" ? serverKeys : agentKeys;
  const texts = Object.entries(keys).flatMap(([key, schema]): [string, string][] =>
    typeof schema.default === "string" ? [[key, schema.default]] : [],
  );
  return Object.fromEntries(texts);
}

export function flawOf({ code, message, hint, at }: Problem): ConfFlaw {
  return { code, message, ...(hint === undefined ? {} : { hint }), ...(at === undefined ? {} : { at }) };
}

function writtenKeys(raw: RawPluginData, file: string): WrittenKey[] {
  return raw.map(({ key, written, value }) => {
    const text = scalarText(value);
    const at = { file, line: written.span.line, column: written.span.column };
    // Only what names a host, a port or a file is told: other values may be secrets of a plugin that is not known.
    const isTold = text !== undefined && /_(host|port|file|cert|key|name|dir|path)$/i.test(written.name);
    return { name: written.name, at, knownAs: key, ...(isTold ? { value: text } : {}) };
  });
}

function goData({ raw, values, problems }: GoPluginData, half: SpireHalf, file: string): PluginDataFacts {
  const keys = writtenKeys(raw, file);
  const shared = { file, keys, defaults: defaultsOf(half, "go"), problems: problems.map(flawOf), warnings: [] };
  const origins = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, originOf(value)]));
  return half === "server"
    ? { ...shared, server: goServer(values, origins) }
    : { ...shared, agent: goAgent(values, origins) };
}

type GoValues = Readonly<Record<string, GoValue>>;

function goServer(values: GoValues, origins: Readonly<Record<string, Origin>>): ServerView {
  const host = values.keylime_verifier_host!.value;
  const port = parsePort(values.keylime_verifier_port!.value) ?? Number(goPluginKeys.server.keylime_verifier_port);
  const tls = {
    caFile: fileOf(values.keylime_tls_ca_cert_file!),
    certFile: fileOf(values.keylime_tls_cert_file!),
    keyFile: fileOf(values.keylime_tls_key_file!),
  };
  const registrar = goRegistrar(values, tls);
  return {
    verifiers: [{ host, port, url: httpsUrl(host, port) }],
    tls,
    origins,
    verifiesServer: false,
    ...(registrar === undefined ? {} : { registrar }),
  };
}

/** Builds exist that enrol agents by themselves and ask the registrar for it, with the verifier's files. */
function goRegistrar(values: GoValues, tls: ServerSettings["tls"]): ServerSettings["registrar"] | undefined {
  const { keylime_registrar_host: host, keylime_registrar_port: port } = values;
  if (host === undefined || port === undefined || host.value === "") return undefined;
  const number = parsePort(port.value) ?? 8891;
  return { host: host.value, port: number, url: httpsUrl(host.value, number), tls };
}

/** The public agent half speaks plain HTTP only; builds with keylime_agent_use_tls can do both. */
function goAgent(values: GoValues, origins: Readonly<Record<string, Origin>>): AgentView {
  const files = {
    caFile: values.keylime_agent_ca_cert ?? values.keylime_agent_ca_cert_file,
    certFile: values.keylime_agent_client_cert ?? values.keylime_agent_client_cert_file,
    keyFile: values.keylime_agent_client_key ?? values.keylime_agent_client_key_file,
  };
  const tls = Object.entries(files).flatMap(([name, value]) =>
    value === undefined || value.value === "" ? [] : [[name, fileOf(value)]],
  );
  return {
    host: values.keylime_agent_host!.value,
    port: parsePort(values.keylime_agent_port!.value) ?? Number(goPluginKeys.agent.keylime_agent_port),
    useTls: values.keylime_agent_use_tls?.value === "true",
    tls: Object.fromEntries(tls),
    origins,
  };
}

function originOf({ key, isDefault, at }: GoValue): Origin {
  return { key, isDefault, ...(at === undefined ? {} : { at }) };
}

function fileOf(value: GoValue): FileSetting {
  return { path: value.value, ...originOf(value) };
}
