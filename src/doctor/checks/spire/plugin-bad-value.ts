import type { ConfFlaw, PluginFacts } from "../../facts/spire/spire-facts.js";
import { defineCheck, type Finding, foundOrClear } from "../check.js";
import { pluginsOf, pluginWords } from "./plugins.js";

export const pluginBadValue = defineCheck({
  id: "plugin-bad-value",
  family: "spire",
  title: "every value in plugin_data is one that the plugin takes",
  judge(facts) {
    const plugins = pluginsOf(facts);
    if (plugins.length === 0) return { is: "skipped", reason: "no block of Keylime's plugin was found" };
    const [unread] = plugins.flatMap(({ data }) => (data.known ? [] : [data]));
    const findings = plugins.flatMap(judgePlugin);
    if (findings.length === 0 && unread !== undefined) {
      return { is: "unknown", reason: `cannot read ${unread.source}: ${unread.reason}` };
    }
    return foundOrClear(findings, plugins.map(({ half, data }) => `${half}: ${data.source}`).join("; "));
  },
});

function judgePlugin(plugin: PluginFacts): Finding[] {
  if (!plugin.data.known) return [];
  const { problems, warnings, file } = plugin.data.value;
  const refused = problems.map((flaw): Finding => {
    const summary = `${pluginWords(plugin)} refuses its plugin_data: ${flaw.message}`;
    return { severity: "error", stopsAttestation: true, summary, ...shared(flaw, plugin, file) };
  });
  const doubtful = warnings.map((flaw): Finding => {
    const summary = `${pluginWords(plugin)}: ${flaw.message}`;
    return { severity: "warning", stopsAttestation: false, summary, ...shared(flaw, plugin, file) };
  });
  return [...refused, ...doubtful];
}

function shared(
  { message, hint, at }: ConfFlaw,
  { half }: PluginFacts,
  file: string,
): Pick<Finding, "evidence" | "fix"> {
  const place = at === undefined ? file : `line ${at.line} of ${at.file ?? file}`;
  return {
    evidence: [{ text: message, file, ...at }],
    fix: { action: `${hint ?? "correct the value"} (${place}), then restart the SPIRE ${half}` },
  };
}
