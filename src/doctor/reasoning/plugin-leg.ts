import type { FileSetting } from "../../spire/settings.js";
import type { Evidence } from "../checks/check.js";
import type { EndpointFacts, TlsConnectionFacts } from "../facts/endpoints/endpoint-facts.js";
import type { Facts } from "../facts/facts.js";
import type { FileCertificate, FileFacts } from "../facts/files/file-facts.js";
import { pluginOf, serverViewOf } from "../facts/spire/plugin-of.js";
import type { PluginFacts, ServerView } from "../facts/spire/spire-facts.js";

/** What is known of the connection from the server half to the verifier. */
export interface PluginLeg {
  plugin: PluginFacts;
  server: ServerView;
  certificate: PresentedFile;
  /** What was seen live; undefined when nothing was asked or nothing answered. */
  endpoint: EndpointFacts | undefined;
}

/** The certificate file that counts, and its first certificate as far as it can be read. */
export interface PresentedFile {
  setting: FileSetting;
  leaf: FileCertificate | undefined;
}

export function pluginLeg(facts: Facts): PluginLeg | undefined {
  const [plugin, server] = [pluginOf(facts.spireServer), serverViewOf(facts.spireServer)];
  if (plugin === undefined || server === undefined) return undefined;
  const setting = server.tls.certFile;
  const file = fileOf(facts, setting);
  const leaf = file?.content.known ? file.content.value.certificates[0] : undefined;
  const endpoints = facts.endpoints.known ? facts.endpoints.value : [];
  const endpoint = endpoints.find(({ role, connections }) => role === "verifier" && connections.length > 0);
  return { plugin, server, certificate: { setting, leaf }, endpoint };
}

export function fileOf({ files }: Facts, setting: FileSetting): FileFacts | undefined {
  return files.find(({ uses }) =>
    uses.some(
      ({ reader, key, isDefault, at }) =>
        reader === "server-plugin" &&
        key === setting.key &&
        isDefault === setting.isDefault &&
        at?.line === setting.at?.line,
    ),
  );
}

/** Where a file setting comes from. */
export function settingEvidence(setting: FileSetting): Evidence {
  const { key, path, isDefault, at } = setting;
  return isDefault
    ? { text: `${key} is not set, so its default ${path} counts` }
    : { text: `${key} = ${JSON.stringify(path)}`, ...at };
}

/** The certificate itself, as far as it was read. */
export function leafEvidence({ setting, leaf }: PresentedFile): Evidence[] {
  if (leaf === undefined) return [];
  const { subject, issuer, serial, sha256 } = leaf.facts;
  const certificate = { subject, issuer, serial, sha256, file: setting.path };
  return [{ text: `${setting.path} holds ${subject}, issued by ${issuer}`, file: setting.path, certificate }];
}

/** The live connection on which the plugin's own certificate was presented. */
export function ownConnection({ endpoint }: PluginLeg): TlsConnectionFacts | undefined {
  return endpoint?.connections.find(({ presented }) => presented?.label === "configured");
}

/** What came of a live connection, as evidence. */
export function connectionEvidence({ host, port }: EndpointFacts, connection: TlsConnectionFacts): Evidence {
  const { presented } = connection;
  const what = presented?.name ?? "no certificate";
  const result = resultText(connection);
  const text = presented === undefined ? `without a certificate ${result}` : `${what} presented: ${result}`;
  return { text: `${host}:${port}, ${text}`, probe: { endpoint: `${host}:${port}`, presented: what, result } };
}

function resultText({ probed }: TlsConnectionFacts): string {
  const { alert, http, outcome } = probed;
  if (alert !== null && alert.from === "server") return `alert ${alert.number} ${alert.name}`;
  if (http !== null) return `HTTP ${http.status}`;
  return outcome === "accepted" ? "accepted" : outcome === "refused" ? "refused without an alert" : "no answer";
}
