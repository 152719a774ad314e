import { Problem, type SourcePosition } from "../core/problem.js";
import type { HclDocument, HclItem, HclKey, HclObject, HclValue } from "../formats/hcl/document.js";
import { scalarText } from "./raw-data.js";
import { printPluginData } from "./spire-conf-print.js";

/** A setting of a plugin block, with its place in the file. */
export interface Placed<T> {
  value: T;
  at: SourcePosition;
}

/** One plugin block as SPIRE 1.13 understands it (pkg/common/catalog/config.go). */
export interface PluginBlock {
  type: string;
  name: string;
  at: SourcePosition;
  /** Absent for a plugin that is built into SPIRE. */
  command?: Placed<string>;
  args: readonly string[];
  checksum?: Placed<string>;
  enabled: boolean;
  /** The first `plugin_data` counts: its items with their places in the file, and what SPIRE makes of them. */
  data?: Placed<string> & { items: readonly HclItem[] };
  /** As written; SPIRE takes it relative to its working directory. */
  dataFile?: Placed<string>;
  /** Every item of the block as written, keys that SPIRE ignores among them. */
  items: readonly HclItem[];
}

/** The plugin blocks of a file, in its order. What SPIRE would refuse is added to `problems`, and read past. */
export function readPluginBlocks(document: HclDocument, file: string | undefined, problems: Problem[]): PluginBlock[] {
  const reader = new BlockReader(document, file, problems);
  const blocks = reader.pluginItems().flatMap((item) => reader.blocksOf(item, []));
  reader.reportDuplicates(blocks);
  return blocks;
}

class BlockReader {
  constructor(
    private readonly document: HclDocument,
    private readonly file: string | undefined,
    private readonly problems: Problem[],
  ) {}

  /**
   * What stands below `plugins`. Written with labels, all of them count, otherwise the first block only; in JSON, whose
   * nested objects HCL takes for labels, again all.
   */
  pluginItems(): HclItem[] {
    const all = this.document.items.filter(isNamed("plugins"));
    const labelled = all.filter(({ keys }) => keys.length > 1).map(withoutFirstKey);
    if (labelled.length > 0) return labelled;
    const objects = all.map((item) => this.nestedObjects(item));
    return (this.document.syntax === "json" ? objects : objects.slice(0, 1)).flat().flatMap(({ items }) => [...items]);
  }

  /** Type and name may be two keys of one item, or keys of nested blocks, and settings may follow as further keys. */
  blocksOf(item: HclItem, path: readonly HclKey[]): PluginBlock[] {
    const keys = [...path, ...item.keys];
    if (keys.length > 2) return [this.block(keys, [{ ...item, keys: keys.slice(2) as [HclKey] }], item)];
    const objects = this.nestedObjects(item);
    if (keys.length === 2) {
      return objects.length === 0
        ? []
        : [
            this.block(
              keys,
              objects.flatMap(({ items }) => items),
              item,
            ),
          ];
    }
    return objects.flatMap(({ items }) => items.flatMap((child) => this.blocksOf(child, keys)));
  }

  reportDuplicates(blocks: readonly PluginBlock[]): void {
    const seen = new Set<string>();
    for (const { type, name, at } of blocks) {
      const id = JSON.stringify([type, name]);
      const message = `plugin ${type} ${JSON.stringify(name)} is declared more than once`;
      if (seen.has(id)) this.report("spire-plugin-duplicate", message, at, "remove one of the two blocks");
      seen.add(id);
    }
  }

  private nestedObjects({ keys, value }: HclItem): readonly HclObject[] {
    const isAllowed = value.kind === "object" || this.document.syntax === "json";
    const objects = isAllowed ? objectsIn(value) : [];
    if (objects.length === 0 && value.kind !== "null") {
      const message = `${keys.map(({ name }) => name).join(" ")} is no block`;
      this.report("spire-conf-syntax", message, this.at(value), 'write NodeAttestor "keylime" { … }');
    }
    return objects;
  }

  private block(keys: readonly HclKey[], items: readonly HclItem[], item: HclItem): PluginBlock {
    const block: PluginBlock = {
      type: keys[0]!.name,
      name: keys[1]!.name,
      at: this.at(item),
      args: this.args(items),
      enabled: this.enabled(items),
      items,
    };
    this.place(block, "command", this.text(items, "plugin_cmd"));
    this.place(block, "checksum", this.text(items, "plugin_checksum"));
    this.place(block, "dataFile", this.text(items, "plugin_data_file"));
    this.place(block, "data", this.data(items));
    if (block.data !== undefined && block.dataFile !== undefined) {
      const hint = "remove one of them";
      this.report("spire-conf-syntax", "plugin_data and plugin_data_file exclude each other", block.dataFile.at, hint);
    }
    return block;
  }

  private place<K extends keyof PluginBlock>(block: PluginBlock, key: K, value: PluginBlock[K] | undefined): void {
    if (value !== undefined) block[key] = value;
  }

  /** The last one counts; numbers are taken as text when they are integers, as HCL's decoder does. */
  private text(items: readonly HclItem[], key: string): Placed<string> | undefined {
    let found: Placed<string> | undefined;
    for (const { value } of items.filter(isNamed(key))) {
      const text = scalarText(value);
      if (text !== undefined) found = { value: text, at: this.at(value) };
      else if (value.kind !== "null") this.wrongValue(key, "text in double quotes", value);
    }
    return found;
  }

  /** Written twice, the lists are joined. */
  private args(items: readonly HclItem[]): string[] {
    const found: string[] = [];
    for (const { value } of items.filter(isNamed("plugin_args"))) {
      const texts = value.kind === "list" ? value.items.map(scalarText) : undefined;
      if (texts?.every((text) => text !== undefined)) found.push(...(texts as string[]));
      else if (value.kind !== "null") this.wrongValue("plugin_args", 'a list of texts, as ["plugin", "server"]', value);
    }
    return found;
  }

  private enabled(items: readonly HclItem[]): boolean {
    let found = true;
    for (const { value } of items.filter(isNamed("enabled"))) {
      if (value.kind === "boolean") found = value.value;
      else if (value.kind !== "null") this.wrongValue("enabled", "true or false without quotes", value);
    }
    return found;
  }

  private data(items: readonly HclItem[]): PluginBlock["data"] {
    const first = items.find(isNamed("plugin_data"));
    if (first === undefined || first.value.kind === "null") return undefined;
    const isLabelled = first.keys.length > 1;
    const contents = isLabelled ? [withoutFirstKey(first)] : (objectsIn(first.value)[0]?.items ?? []);
    const value = printPluginData(isLabelled ? contents : first.value, this.document);
    return { value, at: this.at(first), items: contents };
  }

  private wrongValue(key: string, expected: string, value: HclValue): void {
    const message = `${key} takes ${expected}, found ${value.kind === "object" ? "a block" : `a ${value.kind}`}`;
    this.report("spire-conf-syntax", message, this.at(value));
  }

  private report(code: string, message: string, at: SourcePosition, hint?: string): void {
    const problem = new Problem(code, message, {
      culprit: "configuration",
      at,
      ...(hint === undefined ? {} : { hint }),
    });
    this.problems.push(problem);
  }

  private at({ span: { line, column } }: { span: { line: number; column: number } }): SourcePosition {
    return { ...(this.file === undefined ? {} : { file: this.file }), line, column };
  }
}

/** Go's decoder compares the keys it knows without regard to case. */
const sameKey = ({ name }: HclKey, key: string): boolean => name.toLowerCase() === key;
const isNamed =
  (key: string) =>
  ({ keys }: HclItem): boolean =>
    sameKey(keys[0], key);

const withoutFirstKey = (item: HclItem): HclItem => ({ ...item, keys: item.keys.slice(1) as unknown as [HclKey] });

function objectsIn(value: HclValue): readonly HclObject[] {
  if (value.kind === "object") return [value];
  return value.kind === "list" ? value.items.flatMap(objectsIn) : [];
}
