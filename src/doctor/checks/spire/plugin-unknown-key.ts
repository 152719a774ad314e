import { listed } from "../../../core/listed.js";
import { nearestName } from "../../../core/nearest.js";
import type { FileFacts } from "../../facts/files/file-facts.js";
import type { PluginFacts, WrittenKey } from "../../facts/spire/spire-facts.js";
import { defineCheck, type Evidence, type Finding, type Fix, foundOrClear } from "../check.js";
import { meantKey, pluginsOf, pluginWords } from "./plugins.js";

export const pluginUnknownKey = defineCheck({
  id: "plugin-unknown-key",
  family: "spire",
  title: "every key in plugin_data is known to the plugin",
  judge(facts) {
    const plugins = pluginsOf(facts);
    if (plugins.length === 0) return { is: "skipped", reason: "no block of Keylime's plugin was found" };
    const [unread] = plugins.flatMap(({ data }) => (data.known ? [] : [data]));
    const findings = plugins.flatMap((plugin) => judgePlugin(plugin, facts.files));
    if (findings.length === 0 && unread !== undefined) {
      return { is: "unknown", reason: `cannot read ${unread.source}: ${unread.reason}` };
    }
    return foundOrClear(findings, plugins.map(keysText).join("; "));
  },
});

function keysText({ half, data, kindBecause }: PluginFacts): string {
  return `${data.known ? data.value.keys.length : 0} in the ${half}'s plugin_data, and ${kindBecause}`;
}

function judgePlugin(plugin: PluginFacts, files: readonly FileFacts[]): Finding[] {
  if (!plugin.data.known) return [];
  const unknown = plugin.data.value.keys.filter(({ knownAs }) => knownAs === undefined);
  if (plugin.kind === "ours") return unknown.length === 0 ? [] : [refused(plugin, unknown)];
  const meant = unknown.filter((key) => meantKey(plugin, key) !== undefined);
  const useless = unknown.filter((key) => !meant.includes(key));
  return [
    ...(meant.length === 0 ? [] : [misspelt(plugin, meant, files)]),
    ...(useless.length === 0 ? [] : [idle(plugin, useless)]),
  ];
}

/** Our plugin takes no configuration with a key that it does not know. */
function refused(plugin: PluginFacts, unknown: readonly WrittenKey[]): Finding {
  return {
    severity: "error",
    stopsAttestation: true,
    summary: `${pluginWords(plugin)} does not know ${names(unknown)} and refuses its plugin_data`,
    evidence: [...unknown.map((key) => keyEvidence(plugin, key)), kindEvidence(plugin)],
    fix: fixOf(plugin, unknown),
  };
}

/** The Go plugin drops such keys without a word: what they were meant to set stays at its default. */
function misspelt(plugin: PluginFacts, unknown: readonly WrittenKey[], files: readonly FileFacts[]): Finding {
  const meant = unknown.flatMap((key) => meantKey(plugin, key) ?? []);
  const certificate = meant.find(({ key }) => key === "keylime_tls_cert_file");
  const instead =
    certificate === undefined
      ? `${meant.map(({ key, default: value }) => `${key} stays at ${value}`).join(", ")}`
      : `it presents ${certificate.default} instead`;
  return {
    severity: "error",
    stopsAttestation: true,
    // The plugin starts all the same; what its defaults do shows at the verifier.
    stage: "handshake",
    summary: `${pluginWords(plugin)} ignores ${names(unknown)}, which it does not know: ${instead}`,
    evidence: [
      ...unknown.map((key) => keyEvidence(plugin, key)),
      ...meant.map(({ key, default: value }) => defaultEvidence(key, value, files)),
      kindEvidence(plugin),
    ],
    fix: fixOf(plugin, unknown),
  };
}

function idle(plugin: PluginFacts, unknown: readonly WrittenKey[]): Finding {
  return {
    severity: "warning",
    stopsAttestation: false,
    summary: `${pluginWords(plugin)} ignores ${names(unknown)}, which it does not know`,
    evidence: [...unknown.map((key) => keyEvidence(plugin, key)), kindEvidence(plugin)],
    fix: fixOf(plugin, unknown),
  };
}

function keyEvidence(plugin: PluginFacts, { name, at, value }: WrittenKey): Evidence {
  const nearest = nearestName(name, plugin.knownKeys);
  const told = value === undefined ? name : `${name} = ${JSON.stringify(value)}`;
  return { text: `${told}${nearest === undefined ? "" : `; did you mean ${nearest}?`}`, ...at };
}

/** The default that counts, and the certificate that lies there. */
function defaultEvidence(key: string, path: string, files: readonly FileFacts[]): Evidence {
  const text = `${key} is not set, so its default counts: ${path}`;
  const file = files.find((each) => each.path === path);
  const leaf = file?.content.known ? file.content.value.certificates[0] : undefined;
  if (leaf === undefined) return path.startsWith("/") ? { text, file: path } : { text };
  const { subject, issuer, serial, sha256 } = leaf.facts;
  const certificate = { subject, issuer, serial, sha256, file: path };
  return { text: `${text}, which is ${subject}, issued by ${issuer}`, file: path, certificate };
}

function kindEvidence({ kindBecause, knownKeys, kind }: PluginFacts): Evidence {
  const keys = kind === "ours" ? "" : `; it knows ${knownKeys.join(", ")}`;
  return { text: `${kindBecause}${keys}` };
}

function fixOf({ half, knownKeys }: PluginFacts, unknown: readonly WrittenKey[]): Fix {
  const edits = unknown.map(({ name, at }) => {
    const nearest = nearestName(name, knownKeys);
    const place = { kind: "hcl" as const, file: at.file ?? "", line: at.line };
    return nearest === undefined ? { ...place, remove: name } : { ...place, rename: name, to: nearest };
  });
  const renames = edits.flatMap((edit) => ("to" in edit ? [`${edit.rename} to ${edit.to}`] : []));
  const removals = edits.flatMap((edit) => ("remove" in edit ? [edit.remove] : []));
  const parts = [
    ...(renames.length === 0 ? [] : [`rename ${listed(renames)}`]),
    ...(removals.length === 0 ? [] : [`remove ${listed(removals)}`]),
  ];
  const { file } = unknown[0]!.at;
  return { action: `in ${file} ${parts.join(" and ")}, then restart the SPIRE ${half}`, edits };
}

function names(keys: readonly WrittenKey[]): string {
  return listed(keys.map(({ name }) => name));
}
