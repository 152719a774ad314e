import { nearestName } from "../../../core/nearest.js";
import type { Fact } from "../../facts/fact.js";
import type { Facts } from "../../facts/facts.js";
import type { ParsedSpireConf, PluginFacts, SpireConfFacts, WrittenKey } from "../../facts/spire/spire-facts.js";

/** The configuration files that were read and parse, the server's first. */
export function parsedConfs({ spireServer, spireAgent }: Pick<Facts, "spireServer" | "spireAgent">): ParsedSpireConf[] {
  return [spireServer, spireAgent].flatMap(parsedConf);
}

function parsedConf(conf: Fact<SpireConfFacts>): ParsedSpireConf[] {
  return conf.known && conf.value.is === "parsed" ? [conf.value] : [];
}

/** Keylime's plugin on either side, the server's first. */
export function pluginsOf(facts: Pick<Facts, "spireServer" | "spireAgent">): PluginFacts[] {
  return parsedConfs(facts).flatMap(({ plugin }) => plugin ?? []);
}

/** The plugin as people call it. */
export function pluginWords({ half, kind }: Pick<PluginFacts, "half" | "kind">): string {
  return kind === "go" ? `the Go ${half} plugin` : `the ${half} plugin`;
}

/**
 * The key that was evidently meant by one that the plugin does not know, when that one is not set and so stays at its
 * default; undefined when nothing is close enough or it is set as well.
 */
export function meantKey(plugin: PluginFacts, { name }: WrittenKey): { key: string; default: string } | undefined {
  const nearest = nearestName(name, plugin.knownKeys);
  if (nearest === undefined || !plugin.data.known) return undefined;
  const { keys, defaults } = plugin.data.value;
  const value = defaults[nearest];
  return value === undefined || keys.some(({ knownAs }) => knownAs === nearest)
    ? undefined
    : { key: nearest, default: value };
}
