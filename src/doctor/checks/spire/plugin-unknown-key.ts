import { nearestName } from "../../../core/nearest.js";
import type { Fact } from "../../facts/fact.js";
import type { Facts } from "../../facts/facts.js";
import type { PluginFacts, SpireConfFacts, WrittenKey } from "../../facts/spire/spire-facts.js";
import { defineCheck, type Evidence, type Finding, foundOrClear } from "../check.js";

export const pluginUnknownKey = defineCheck({
  id: "plugin-unknown-key",
  family: "spire",
  title: "every key in plugin_data is known to the plugin",
  judge(facts: Facts) {
    const plugins = [facts.spireServer, facts.spireAgent].flatMap(pluginOf);
    if (plugins.length === 0) return { is: "skipped", reason: "no block of Keylime's plugin was found" };
    const [unread] = plugins.flatMap(({ data }) => (data.known ? [] : [data]));
    const findings = plugins.flatMap(judgePlugin);
    if (findings.length === 0 && unread !== undefined)
      return { is: "unknown", reason: `${unread.source}: ${unread.reason}` };
    return foundOrClear(findings, plugins.map(keysText).join("; "));
  },
});

function pluginOf(conf: Fact<SpireConfFacts>): PluginFacts[] {
  return conf.known && conf.value.is === "parsed" && conf.value.plugin !== undefined ? [conf.value.plugin] : [];
}

function keysText({ half, data, kindBecause }: PluginFacts): string {
  return `${data.known ? data.value.keys.length : 0} in the ${half}'s plugin_data, and ${kindBecause}`;
}

function judgePlugin(plugin: PluginFacts): Finding[] {
  if (!plugin.data.known) return [];
  const unknown = plugin.data.value.keys.filter(({ knownAs }) => knownAs === undefined);
  if (unknown.length === 0) return [];
  return plugin.kind === "ours" ? [refused(plugin, unknown)] : ignored(plugin, unknown);
}

/** Our plugin takes no configuration with a key that it does not know. */
function refused(plugin: PluginFacts, unknown: readonly WrittenKey[]): Finding {
  return {
    severity: "error",
    stopsAttestation: true,
    summary: `the ${plugin.half} plugin does not know ${names(unknown)}, so it refuses its plugin_data`,
    evidence: [...unknown.map((key) => keyEvidence(plugin, key)), kindEvidence(plugin)],
    fix: fixOf(plugin, unknown),
  };
}

/** The Go plugin drops such keys: what they were meant to set stays at its default. */
function ignored(plugin: PluginFacts, unknown: readonly WrittenKey[]): Finding[] {
  const meant = unknown.filter((key) => replacedOf(plugin, key) !== undefined);
  const useless = unknown.filter((key) => !meant.includes(key));
  return [
    ...(meant.length === 0 ? [] : [misspelt(plugin, meant)]),
    ...(useless.length === 0 ? [] : [idle(plugin, useless)]),
  ];
}

function misspelt(plugin: PluginFacts, unknown: readonly WrittenKey[]): Finding {
  const replaced = unknown.flatMap((key) => replacedOf(plugin, key) ?? []);
  return {
    severity: "error",
    stopsAttestation: true,
    stage: "handshake",
    summary: `the ${plugin.half} plugin does not know ${names(unknown)} and ignores ${unknown.length === 1 ? "it" : "them"}: ${replaced.map(({ key, path }) => `${key} stays ${path}`).join(", ")}`,
    evidence: [
      ...unknown.map((key) => keyEvidence(plugin, key)),
      kindEvidence(plugin),
      ...replaced.map(defaultEvidence),
    ],
    fix: fixOf(plugin, unknown),
  };
}

function idle(plugin: PluginFacts, unknown: readonly WrittenKey[]): Finding {
  return {
    severity: "warning",
    stopsAttestation: false,
    summary: `the ${plugin.half} plugin does not know ${names(unknown)} and ignores ${unknown.length === 1 ? "it" : "them"}`,
    evidence: [...unknown.map((key) => keyEvidence(plugin, key)), kindEvidence(plugin)],
    fix: fixOf(plugin, unknown),
  };
}

/** The setting that stays at its default because its key is misspelt; undefined when that one is set as well. */
function replacedOf(plugin: PluginFacts, key: WrittenKey): { key: string; path: string } | undefined {
  const nearest = nearestName(key.name, plugin.knownKeys);
  if (nearest === undefined || !plugin.data.known) return undefined;
  const { keys, defaults } = plugin.data.value;
  const path = defaults[nearest];
  return path === undefined || keys.some(({ knownAs }) => knownAs === nearest) ? undefined : { key: nearest, path };
}

function keyEvidence(plugin: PluginFacts, { name, at, value }: WrittenKey): Evidence {
  const nearest = nearestName(name, plugin.knownKeys);
  const told = value === undefined ? name : `${name} = ${JSON.stringify(value)}`;
  return { text: `${told}${nearest === undefined ? "" : `; did you mean ${nearest}?`}`, ...at };
}

function kindEvidence({ kindBecause, knownKeys }: PluginFacts): Evidence {
  return { text: `${kindBecause}; it knows ${knownKeys.join(", ")}` };
}

function defaultEvidence({ key, path }: { key: string; path: string }): Evidence {
  return { text: `${key} is not set, so the plugin uses its default ${path}`, file: path };
}

function fixOf(plugin: PluginFacts, unknown: readonly WrittenKey[]) {
  const edits = unknown.map((key) => {
    const nearest = nearestName(key.name, plugin.knownKeys);
    const place = { kind: "hcl" as const, file: key.at.file ?? "", line: key.at.line };
    return nearest === undefined ? { ...place, remove: key.name } : { ...place, rename: key.name, to: nearest };
  });
  const renamed = edits.flatMap((edit) => ("rename" in edit ? [`${edit.rename} to ${edit.to}`] : []));
  const removed = edits.flatMap((edit) => ("remove" in edit ? [edit.remove] : []));
  const parts = [
    ...(renamed.length === 0 ? [] : [`rename ${renamed.join(" and ")}`]),
    ...(removed.length === 0 ? [] : [`remove ${removed.join(" and ")}`]),
  ];
  const { file } = unknown[0]!.at;
  return { action: `${parts.join(", ")} in ${file}, then restart the SPIRE ${plugin.half}`, edits };
}

function names(keys: readonly WrittenKey[]): string {
  return keys.map(({ name }) => name).join(" and ");
}
