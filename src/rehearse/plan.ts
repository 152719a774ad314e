import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { errorText, Problem, Problems } from "../core/problem.js";
import {
  loadPluginData,
  loadSpireConf,
  nodeAttestorOf,
  type PluginBlock,
  type SpireConf,
} from "../spire/spire-conf.js";
import type { HalfName, HalfOptions } from "./half.js";
import type { RehearsalWarning } from "./report.js";

/** Where one half comes from: SPIRE's configuration file, parts of which the other two replace. */
export interface HalfSource {
  config?: string;
  /** Executable and arguments. */
  plugin?: readonly string[];
  /** A file with the text of plugin_data. */
  data?: string;
}

export interface PlanOptions {
  server: HalfSource;
  agent: HalfSource;
  /** Label of the plugin blocks; without, each file must have just one external NodeAttestor. */
  name?: string;
  trustDomain?: string;
  /** Variables for SPIRE's -expandEnv; the files are taken as they are without. */
  expandEnv?: NodeJS.ProcessEnv;
}

export interface RehearsalPlan {
  server: HalfOptions;
  agent: HalfOptions;
  trustDomain: string;
  /** What would keep SPIRE itself from attesting although the rehearsal may succeed. */
  warnings: RehearsalWarning[];
}

const defaultName = "keylime";

/**
 * Reads the configuration files and says which executables a rehearsal starts.
 * @throws Problem or Problems with what SPIRE would refuse, `usage` when a half is not given at all
 */
export async function planRehearsal(options: PlanOptions): Promise<RehearsalPlan> {
  const [server, agent] = [await planHalf("server", options), await planHalf("agent", options)];
  const trustDomain = options.trustDomain ?? server.conf?.trustDomain?.value ?? agent.conf?.trustDomain?.value;
  return {
    server: server.half,
    agent: agent.half,
    trustDomain: trustDomain ?? "example.org",
    warnings: [...nameWarning(server.half, agent.half), ...trustDomainWarning(server.conf, agent.conf)],
  };
}

interface PlannedHalf {
  half: HalfOptions;
  conf?: SpireConf;
}

async function planHalf(half: HalfName, options: PlanOptions): Promise<PlannedHalf> {
  const { config, plugin, data } = options[half];
  if (config === undefined && plugin === undefined) {
    throw new Problem("usage", `the ${half} half is not given`, {
      culprit: "usage",
      hint: `add --${half}-config ${half}.conf, or --${half}-plugin with a command`,
    });
  }
  const conf = config === undefined ? undefined : await loadConf(half, config, options.expandEnv);
  // A half that is replaced altogether does not need its block, but takes the plugin_data of one that is there.
  const block = conf === undefined ? undefined : blockOf(conf, options.name, plugin !== undefined);
  const text = data !== undefined ? await loadData(data) : block === undefined ? "" : await loadPluginData(block);
  const name = options.name ?? block?.name ?? defaultName;
  return {
    half: { name, data: text, ...executableOf(plugin, block) },
    ...(conf === undefined ? {} : { conf }),
  };
}

async function loadConf(half: HalfName, file: string, expandEnv: NodeJS.ProcessEnv | undefined): Promise<SpireConf> {
  const conf = await loadSpireConf(file, expandEnv === undefined ? {} : { expandEnv });
  if (conf.problems.length > 0) throw new Problems(`SPIRE would refuse ${JSON.stringify(file)}`, conf.problems);
  if (conf.half !== undefined && conf.half !== half) {
    throw new Problem(
      "usage",
      `${JSON.stringify(file)} is the configuration of SPIRE ${conf.half}, not of SPIRE ${half}`,
      {
        culprit: "usage",
        hint: `pass it as --${conf.half}-config`,
      },
    );
  }
  return conf;
}

function blockOf(conf: SpireConf, name: string | undefined, isOptional: boolean): PluginBlock | undefined {
  try {
    return nodeAttestorOf(conf, name);
  } catch (error) {
    if (isOptional && error instanceof Problem) return undefined;
    throw error;
  }
}

function executableOf(
  plugin: readonly string[] | undefined,
  block: PluginBlock | undefined,
): Pick<HalfOptions, "command" | "args" | "checksum"> {
  const [command, ...args] = plugin ?? [];
  if (command !== undefined) return { command, args };
  const { command: configured, args: configuredArgs, checksum } = block!;
  return {
    // SPIRE takes a relative plugin_cmd from its working directory and never searches PATH.
    command: resolve(configured!.value),
    args: configuredArgs,
    ...(checksum === undefined ? {} : { checksum }),
  };
}

async function loadData(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new Problem("usage", `cannot read plugin_data from ${JSON.stringify(file)}: ${errorText(error)}`, {
      culprit: "usage",
      hint: "name a readable file that holds what stands between the braces of plugin_data",
      cause: error,
    });
  }
}

function nameWarning(server: HalfOptions, agent: HalfOptions): RehearsalWarning[] {
  if (server.name === agent.name) return [];
  const message = `the server calls the plugin ${JSON.stringify(server.name)}, the agent ${JSON.stringify(agent.name)}: SPIRE will refuse every attestation (could not find node attestor type)`;
  return [{ id: "spire-plugin-duplicate", message }];
}

function trustDomainWarning(server: SpireConf | undefined, agent: SpireConf | undefined): RehearsalWarning[] {
  const [ofServer, ofAgent] = [server?.trustDomain?.value, agent?.trustDomain?.value];
  if (ofServer === undefined || ofAgent === undefined || ofServer === ofAgent) return [];
  const message = `the server's trust_domain is ${JSON.stringify(ofServer)}, the agent's ${JSON.stringify(ofAgent)}: they will not trust each other`;
  return [{ id: "spire-trust-domain", message }];
}
