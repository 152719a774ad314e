import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { errorText, Problem, type SourcePosition } from "../core/problem.js";
import type { HclDocument, HclItem, HclValue } from "../formats/hcl/document.js";
import { parseHcl } from "../formats/hcl/parser.js";
import { type Placed, type PluginBlock, readPluginBlocks } from "./spire-conf-plugins.js";

export type { Placed, PluginBlock } from "./spire-conf-plugins.js";
export { printPluginData } from "./spire-conf-print.js";

/** A SPIRE server.conf or agent.conf, as far as plugins need it. */
export interface SpireConf {
  /** As it was given; positions name it. */
  file?: string;
  /** Which of the two top-level blocks it has; undefined with neither. */
  half: "server" | "agent" | undefined;
  trustDomain?: Placed<string>;
  plugins: readonly PluginBlock[];
  /** What SPIRE would refuse to start with, beyond syntax; the rest of the file is read all the same. */
  problems: readonly Problem[];
  document: HclDocument;
}

/**
 * Reads a SPIRE 1.13 configuration file, HCL or JSON: nested blocks, labels, objects and (in JSON) lists of objects.
 * @throws Problem `spire-conf-syntax` with the place, when the text does not parse at all
 */
export function parseSpireConf(text: string, file?: string): SpireConf {
  const named = file === undefined ? {} : { file };
  const document = parseHcl(text, named);
  const problems: Problem[] = [];
  const half = (["server", "agent"] as const).find((name) => sections(document, name).length > 0);
  const trustDomain = half === undefined ? undefined : trustDomainOf(document, half, file);
  return {
    ...named,
    half,
    ...(trustDomain === undefined ? {} : { trustDomain }),
    plugins: readPluginBlocks(document, file, problems),
    problems,
    document,
  };
}

export interface LoadOptions {
  /** Replaces `$NAME` and `${NAME}` in the whole text, as SPIRE does when it is started with -expandEnv. */
  expandEnv?: NodeJS.ProcessEnv;
}

/** @throws Problem `spire-conf-unreadable`, or as `parseSpireConf` */
export async function loadSpireConf(file: string, { expandEnv }: LoadOptions = {}): Promise<SpireConf> {
  const text = await loadText(file, "SPIRE configuration");
  return parseSpireConf(expandEnv === undefined ? text : expandVariables(text, expandEnv), file);
}

/**
 * The `hcl_configuration` the plugin of a block receives: the printed `plugin_data`, the text of `plugin_data_file`
 * unchanged (a relative path counts from `cwd`), or nothing.
 * @throws Problem `spire-conf-unreadable`
 */
export async function loadPluginData(block: PluginBlock, cwd = process.cwd()): Promise<string> {
  if (block.dataFile === undefined) return block.data?.value ?? "";
  return await loadText(resolve(cwd, block.dataFile.value), "plugin_data_file");
}

/**
 * The one enabled NodeAttestor block: the one of that name, or the only external one when no name is asked for.
 * @throws Problem `spire-plugin-missing` naming what is there instead
 */
export function nodeAttestorOf(conf: SpireConf, name?: string): PluginBlock {
  const attestors = conf.plugins.filter(({ type, enabled }) => type === "NodeAttestor" && enabled);
  const external = attestors.filter(({ command }) => command !== undefined);
  const found = name === undefined ? external : attestors.filter((block) => block.name === name);
  if (found.length === 1 && found[0]!.command !== undefined) return found[0]!;
  const place = conf.file === undefined ? "the configuration" : JSON.stringify(conf.file);
  const wanted =
    name === undefined ? "an external NodeAttestor" : `NodeAttestor ${JSON.stringify(name)} with plugin_cmd`;
  const others = attestors.map((block) => JSON.stringify(block.name)).join(", ") || "none";
  throw new Problem(
    "spire-plugin-missing",
    `cannot find one enabled ${wanted} in ${place}: NodeAttestors there: ${others}`,
    {
      culprit: "configuration",
      hint:
        found.length > 1
          ? "name one with --name"
          : 'declare NodeAttestor "keylime" with plugin_cmd in its plugins block',
    },
  );
}

/** Go's os.Expand, as SPIRE uses it: `$$` is a dollar sign, an unset variable (`$1` and the like too) is empty. */
export function expandVariables(text: string, env: NodeJS.ProcessEnv): string {
  const variable = /\$(?:([$*#@!?0-9-])|\{([^}]*)\}|([A-Za-z_][A-Za-z0-9_]*))/g;
  return text.replace(variable, (_, special?: string, braced?: string, bare?: string) => {
    const name = special ?? braced ?? bare ?? "";
    return name === "$" ? "$" : (env[name] ?? "");
  });
}

/** The last value counts, over all blocks of the half. */
function trustDomainOf(document: HclDocument, half: "server" | "agent", file?: string): Placed<string> | undefined {
  const items = sections(document, half).filter(({ keys }) => keys[0].name.toLowerCase() === "trust_domain");
  const strings = items.flatMap(({ value }) => (value.kind === "string" ? [value] : []));
  const last = strings.at(-1);
  if (last === undefined) return undefined;
  const at: SourcePosition = {
    ...(file === undefined ? {} : { file }),
    line: last.span.line,
    column: last.span.column,
  };
  return { value: last.value, at };
}

/** The items of all top-level blocks of that name. */
function sections({ items }: HclDocument, name: string): HclItem[] {
  const matching = items.filter(({ keys }) => keys.length === 1 && keys[0].name.toLowerCase() === name);
  return matching.flatMap(({ value }) => itemsIn(value));
}

function itemsIn(value: HclValue): readonly HclItem[] {
  if (value.kind === "object") return value.items;
  return value.kind === "list" ? value.items.flatMap(itemsIn) : [];
}

const maxBytes = 4 * 1024 * 1024;

async function loadText(file: string, what: string): Promise<string> {
  try {
    const handle = await open(file);
    try {
      const { bytesRead, buffer } = await handle.read({ buffer: Buffer.alloc(maxBytes + 1) });
      if (bytesRead > maxBytes) throw new Error(`it is longer than ${maxBytes} bytes`);
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(buffer.subarray(0, bytesRead));
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new Problem("spire-conf-unreadable", `cannot read ${what} ${JSON.stringify(file)}: ${errorText(error)}`, {
      culprit: "configuration",
      hint: "correct the path, or give this user read access",
      cause: error,
    });
  }
}
