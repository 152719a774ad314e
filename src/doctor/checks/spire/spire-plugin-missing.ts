import type { AttestorBlock, ParsedSpireConf, PluginFacts } from "../../facts/spire/spire-facts.js";
import { defineCheck, type Evidence, type Finding, foundOrClear } from "../check.js";
import { parsedConfs, pluginsOf } from "./plugins.js";

export const spirePluginMissing = defineCheck({
  id: "spire-plugin-missing",
  family: "spire",
  title: "the executable that plugin_cmd names is there and can be started",
  judge(facts) {
    const confs = parsedConfs(facts);
    const plugins = pluginsOf(facts);
    const findings = [...confs.flatMap(judgeBlocks), ...plugins.flatMap(judgeExecutable)];
    if (findings.length === 0 && plugins.length === 0) {
      return { is: "skipped", reason: "no block of Keylime's plugin was found" };
    }
    const [unread] = plugins.flatMap(({ executable }) => (executable.known ? [] : [executable]));
    if (findings.length === 0 && unread !== undefined) {
      return { is: "unknown", reason: `cannot look at ${unread.source}: ${unread.reason}` };
    }
    return foundOrClear(findings, plugins.map(({ kindBecause }) => kindBecause).join("; "));
  },
});

/** A block by Keylime's name that SPIRE takes for a plugin of its own, or does not load. */
function judgeBlocks({ plugin, attestors, half }: ParsedSpireConf): Finding[] {
  if (plugin !== undefined) return [];
  return attestors
    .filter(({ name, isEnabled, command }) => name === "keylime" && (!isEnabled || command === undefined))
    .map((block) => notLoaded(block, half));
}

function notLoaded({ name, at, isEnabled }: AttestorBlock, half: string): Finding {
  const why = isEnabled ? "has no plugin_cmd, and SPIRE has no plugin of that name" : "is disabled";
  const action = isEnabled ? "set plugin_cmd to the plugin's executable" : "set enabled = true";
  return {
    severity: "error",
    stopsAttestation: true,
    summary: `NodeAttestor ${JSON.stringify(name)} of the SPIRE ${half} ${why}`,
    evidence: [{ text: `NodeAttestor ${JSON.stringify(name)}`, ...at }],
    fix: { action, commands: [`spire-keylime plugin block ${half}`] },
  };
}

function judgeExecutable(plugin: PluginFacts): Finding[] {
  const { executable, command, half } = plugin;
  if (!executable.known) return [];
  const facts = executable.value;
  const named: Evidence = { text: `plugin_cmd = ${JSON.stringify(command.value)}`, ...command.at };
  if (facts.is === "unusable") {
    const evidence = [named, { text: `${facts.path}: ${facts.why}`, file: facts.path }];
    return [finding(half, `${facts.path} cannot be started: ${facts.why}`, evidence, "correct plugin_cmd", [])];
  }
  if (facts.scriptFlaw !== undefined) {
    const evidence = [named, { text: `${facts.script}: ${facts.scriptFlaw}`, file: facts.script }];
    return [
      finding(half, `${facts.script} cannot be started: ${facts.scriptFlaw}`, evidence, "correct plugin_args", []),
    ];
  }
  if ((facts.mode & 0o111) !== 0) return plugin.lacksArgs ? [withoutArgs(plugin, named)] : [];
  const mode = facts.mode.toString(8).padStart(4, "0");
  const evidence = [named, { text: `${facts.path} has mode ${mode}`, file: facts.path }];
  const fix = "make the plugin executable";
  return [finding(half, `${facts.path} is not executable (mode ${mode})`, evidence, fix, [`chmod 0755 ${facts.path}`])];
}

/** It prints no handshake then, and SPIRE says of its stdout that no line could be read from it. */
function withoutArgs({ half, args, command, kindBecause }: PluginFacts, named: Evidence): Finding {
  const wanted = `plugin_args = ["plugin", "${half}"]`;
  const found = args.length === 0 ? "no plugin_args" : `plugin_args = ${JSON.stringify(args)}`;
  const what = `is started with ${found}, so it does not know that it is to serve SPIRE`;
  const evidence: Evidence[] = [named, { text: kindBecause }, { text: found, ...command.at }];
  return finding(half, what, evidence, `set ${wanted} beside plugin_cmd`, [`spire-keylime plugin block ${half}`]);
}

function finding(
  half: string,
  what: string,
  evidence: readonly Evidence[],
  action: string,
  commands: readonly string[],
): Finding {
  return {
    severity: "error",
    stopsAttestation: true,
    summary: `the ${half} plugin ${what}`,
    evidence,
    fix: { action: `${action}, then start the SPIRE ${half}`, commands },
  };
}
