import type { Fact } from "../fact.js";
import type { AgentView, PluginFacts, ServerView, SpireConfFacts } from "./spire-facts.js";

/** Keylime's plugin of a SPIRE configuration that was read and parsed. */
export function pluginOf(conf: Fact<SpireConfFacts>): PluginFacts | undefined {
  return conf.known && conf.value.is === "parsed" ? conf.value.plugin : undefined;
}

/** What the server half works with; undefined when its plugin_data is not understood. */
export function serverViewOf(conf: Fact<SpireConfFacts>): ServerView | undefined {
  const plugin = pluginOf(conf);
  return plugin?.data.known ? plugin.data.value.server : undefined;
}

/** What the agent half works with; undefined when its plugin_data is not understood. */
export function agentViewOf(conf: Fact<SpireConfFacts>): AgentView | undefined {
  const plugin = pluginOf(conf);
  return plugin?.data.known ? plugin.data.value.agent : undefined;
}
