import { Problem } from "../core/problem.js";
import type { HclItem } from "../formats/hcl/document.js";
import { parseHcl } from "../formats/hcl/parser.js";
import { Findings } from "./findings.js";
import { effectiveEntries, type Half, matchKeys, type RawPluginData } from "./raw-data.js";
import { type AgentKey, agentKeys, type ServerKey, serverKeys } from "./schema.js";
import type { AgentSettings, ServerSettings } from "./settings.js";
import { readAgentSettings, readServerSettings } from "./settings-reader.js";
import { ValueReader } from "./value-reader.js";

export interface PluginData<Settings> {
  /** Present when there is no problem. */
  settings?: Settings;
  /** What could be understood, whatever is wrong being read as if it were absent; only for a text that parses. */
  understood?: Settings;
  /** As written; empty when the text does not parse. */
  raw: RawPluginData;
  /** Everything that is wrong, in one go. */
  problems: Problem[];
  /** What works and is probably not meant. */
  warnings: Problem[];
}

const serverHalf: Half = { name: "server", keys: serverKeys, otherKeys: agentKeys };
const agentHalf: Half = { name: "agent", keys: agentKeys, otherKeys: serverKeys };

/**
 * Understands the server half's `plugin_data`, given as SPIRE hands it over (`hcl_configuration`: the contents of the
 * block as SPIRE prints them) or as `plugin_data_file` holds it, HCL or JSON. Touches neither disk nor network.
 * SPIRE prints the block anew and names no file, so messages name the key and no line; but a text that does not parse
 * can only be that of `plugin_data_file`, which SPIRE passes as it is.
 */
export function parseServerData(hcl: string): PluginData<ServerSettings> {
  return parseData(hcl, (items) => judgeServerItems(items));
}

/** Understands the agent half's `plugin_data`; see `parseServerData`. */
export function parseAgentData(hcl: string): PluginData<AgentSettings> {
  return parseData(hcl, (items) => judgeAgentItems(items));
}

/** The same for a `plugin_data` block inside a parsed file: positions are those of the file. */
export function judgeServerItems(items: readonly HclItem[], file?: string): PluginData<ServerSettings> {
  return judgeItems<ServerKey, ServerSettings>(items, serverHalf, new Findings(file), readServerSettings);
}

/** The same for the agent half's block. */
export function judgeAgentItems(items: readonly HclItem[], file?: string): PluginData<AgentSettings> {
  return judgeItems<AgentKey, AgentSettings>(items, agentHalf, new Findings(file), readAgentSettings);
}

function parseData<Settings>(
  hcl: string,
  judge: (items: readonly HclItem[]) => PluginData<Settings>,
): PluginData<Settings> {
  try {
    return judge(parseHcl(hcl, { file: "plugin_data_file", printedBySpire: true }).items);
  } catch (error) {
    if (error instanceof Problem) return { raw: [], problems: [error], warnings: [] };
    throw error;
  }
}

function judgeItems<Key extends string, Settings>(
  items: readonly HclItem[],
  half: Half,
  findings: Findings,
  read: (reader: ValueReader<Key>, findings: Findings) => Settings,
): PluginData<Settings> {
  const raw = matchKeys(items, half);
  const reader = new ValueReader<Key>(half.keys, effectiveEntries(raw, half, findings), findings);
  const settings = read(reader, findings);
  const { problems, warnings } = findings;
  return { ...(problems.length === 0 ? { settings } : {}), understood: settings, raw, problems, warnings };
}
