import type { Problem, SourcePosition } from "../core/problem.js";
import type { HclItem } from "../formats/hcl/document.js";
import { Findings } from "./findings.js";
import { effectiveEntries, matchKeys, type RawPluginData, scalarText } from "./raw-data.js";
import { goPluginKeys, type KeySchema } from "./schema.js";

/** A value as the Go plugin ends up with. */
export interface GoValue {
  value: string;
  /** The key as it was written; for a default, the key one would write to change it. */
  key: string;
  isDefault: boolean;
  at?: SourcePosition;
}

export interface GoPluginData {
  raw: RawPluginData;
  /** Every key of the plugin by its name, defaults filled in. */
  values: Readonly<Record<string, GoValue>>;
  /** Values its decoder refuses, with which Configure fails. */
  problems: readonly Problem[];
}

/**
 * What the Go plugin (keylime/spire-keylime-plugin, pkg/server/server.go and pkg/agent/agent.go) makes of `plugin_data`:
 * keys in any case, the last one of a name counts, an empty value is the default, every other key is dropped without a
 * word. `knownKeys` are those of the build at hand, which may have more than the public one.
 */
export function understandGoData(
  items: readonly HclItem[],
  half: "server" | "agent",
  file: string,
  knownKeys: readonly string[] = [],
): GoPluginData {
  const defaults: Readonly<Record<string, string>> = goPluginKeys[half];
  const names = [...new Set([...Object.keys(defaults), ...knownKeys.map((key) => key.toLowerCase())])];
  const schema: Record<string, KeySchema> = Object.fromEntries(
    names.map((name) => [name, { type: "file", meaning: "" }]),
  );
  const known = { name: half, keys: schema, otherKeys: {} };
  const raw = matchKeys(items, known);
  const findings = new Findings(file);
  const entries = effectiveEntries(raw, known, new Findings(file));
  const values = names.map((name): [string, GoValue] => {
    const entry = entries.get(name);
    const text = entry === undefined ? undefined : scalarText(entry.value);
    if (entry !== undefined && text === undefined) {
      const message = `${entry.written.name} must be a string, found ${entry.value.kind === "object" ? "a block" : `a ${entry.value.kind}`}`;
      findings.problem("plugin-bad-value", message, entry.value.span, "write the value in double quotes");
    }
    if (entry === undefined || text === undefined || text === "") {
      return [name, { value: defaults[name] ?? "", key: name, isDefault: true }];
    }
    if (name.endsWith("_port") && !isGoPort(text)) {
      const message = `${entry.written.name} is ${JSON.stringify(text)}: it is no number from 0 to 65535`;
      findings.problem("plugin-bad-value", message, entry.value.span);
    }
    return [name, { value: text, key: entry.written.name, isDefault: false, at: findings.position(entry.value.span) }];
  });
  return { raw, values: Object.fromEntries(values), problems: findings.problems };
}

/** Go's strconv.Atoi takes a sign and leading zeroes. */
function isGoPort(text: string): boolean {
  return /^[+-]?\d{1,18}$/.test(text) && Number(text) >= 0 && Number(text) <= 65_535;
}
