import { resolve } from "node:path";
import { Problem } from "../../../core/problem.js";
import type { HclItem } from "../../../formats/hcl/document.js";
import { parseHcl } from "../../../formats/hcl/parser.js";
import { expandVariables, type PluginBlock, parseSpireConf, type SpireConf } from "../../../spire/spire-conf.js";
import { type Fact, known, unknown } from "../fact.js";
import type { Machine } from "../machine.js";
import type { FoundConf } from "./find-conf.js";
import { type Inspected, inspectExecutable } from "./plugin-executable.js";
import type { ParsedSpireConf, PluginDataFacts, PluginFacts, SpireConfFacts, SpireHalf } from "./spire-facts.js";
import { defaultsOf, flawOf, keysOf, understandData } from "./understand-data.js";

export interface SpireQuestion {
  half: SpireHalf;
  found: Fact<FoundConf>;
  /** Label of the plugin's block; undefined: the one that is evidently Keylime's. */
  pluginName?: string;
  expandEnv?: NodeJS.ProcessEnv;
}

/** Reads one SPIRE configuration file, the executable of Keylime's plugin that it names and its plugin_data. */
export async function gatherSpire(machine: Machine, question: SpireQuestion): Promise<Fact<SpireConfFacts>> {
  const { found, half, expandEnv } = question;
  if (!found.known) return found;
  const file = machine.nameOf(found.value.file);
  const text = await machine.readText(found.value.file);
  if (!text.known) return unknown(text.reason, file);
  const source = `${file} (${found.source})`;
  const conf = parse(expandEnv === undefined ? text.value : expandVariables(text.value, expandEnv), file);
  if (conf instanceof Problem) return known({ is: "broken", half, file, flaw: flawOf(conf) }, source);
  const block = pluginBlock(conf, half, question.pluginName);
  const workingDirectory = found.value.workingDirectory ?? "/";
  const plugin = block === undefined ? undefined : await gatherPlugin(machine, { block, half, file, workingDirectory });
  return known(confFacts(conf, half, file, plugin), source);
}

function parse(text: string, file: string): SpireConf | Problem {
  try {
    return parseSpireConf(text, file);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

function confFacts(conf: SpireConf, half: SpireHalf, file: string, plugin: PluginFacts | undefined): ParsedSpireConf {
  const attestors = conf.plugins.filter(({ type }) => type === "NodeAttestor");
  return {
    is: "parsed",
    half,
    file,
    configures: conf.half,
    trustDomain: conf.trustDomain,
    flaws: conf.problems.map(flawOf),
    attestors: attestors.map(({ name, at, enabled, command }) => ({
      name,
      at,
      isEnabled: enabled,
      ...(command === undefined ? {} : { command }),
    })),
    plugin,
  };
}

/** The enabled external NodeAttestor of that name, or the one that is Keylime's by name, keys or executable. */
function pluginBlock(conf: SpireConf, half: SpireHalf, name: string | undefined): PluginBlock | undefined {
  const external = conf.plugins.filter(
    ({ type, enabled, command }) => type === "NodeAttestor" && enabled && command !== undefined,
  );
  if (name !== undefined) return external.find((block) => block.name === name);
  const hasKeylimeKey = ({ data }: PluginBlock): boolean =>
    data?.items.some(({ keys }) => /^keylime_/i.test(keys[0].name)) ?? false;
  return (
    external.find((block) => block.name === "keylime") ??
    external.find(hasKeylimeKey) ??
    external.find(({ command }) => /keylime/i.test(command!.value)) ??
    external.find(({ args }) => args.at(-2) === "plugin" && args.at(-1) === half)
  );
}

interface BlockPlace {
  block: PluginBlock;
  half: SpireHalf;
  file: string;
  workingDirectory: string;
}

async function gatherPlugin(machine: Machine, place: BlockPlace): Promise<PluginFacts> {
  const { block, half, workingDirectory } = place;
  const command = block.command!;
  const path = resolve(workingDirectory, command.value);
  const inspected = await inspectExecutable(machine, { command: path, args: block.args, half });
  const { executable, kind, kindBecause, lacksArgs, executableKeys } = inspected;
  return {
    half,
    name: block.name,
    at: block.at,
    command,
    args: block.args,
    checksum: block.checksum,
    executable,
    kind,
    kindBecause,
    lacksArgs,
    knownKeys: keysOf(half, kind, executableKeys),
    data: await gatherData(machine, place, inspected),
  };
}

async function gatherData(
  machine: Machine,
  { block, half, file, workingDirectory }: BlockPlace,
  { kind, executableKeys }: Inspected,
): Promise<Fact<PluginDataFacts>> {
  const understood = (items: readonly HclItem[], of: string): Fact<PluginDataFacts> =>
    known(understandData({ items, half, kind, executableKeys, file: of }), of);
  if (block.dataFile === undefined) return understood(block.data?.items ?? [], file);
  const path = resolve(workingDirectory, block.dataFile.value);
  const text = await machine.readText(path);
  if (!text.known) return text;
  const dataFile = machine.nameOf(path);
  try {
    return understood(parseHcl(text.value, { file: dataFile, printedBySpire: true }).items, dataFile);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return known(
      { file: dataFile, keys: [], defaults: defaultsOf(half, kind), problems: [flawOf(error)], warnings: [] },
      dataFile,
    );
  }
}
