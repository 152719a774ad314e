import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Problem } from "../core/problem.js";
import { parseHcl } from "../formats/hcl/parser.js";
import {
  expandVariables,
  loadPluginData,
  nodeAttestorOf,
  parseSpireConf,
  printPluginData,
  type SpireConf,
} from "./spire-conf.js";

interface OracleCase {
  conf: string;
  spire: {
    td?: string;
    err?: string;
    plugins?:
      | null
      | {
          type: string;
          name: string;
          cmd: string;
          args: string[] | null;
          sum: string;
          off: boolean;
          data?: string;
          file?: string;
        }[];
  };
}

/** What SPIRE 1.13.3's own catalog code (pkg/common/catalog/config.go, hcl 1.0.1-vault-7) answers to each file. */
const cases = JSON.parse(readFileSync(new URL("spire-conf.oracle.json", import.meta.url), "utf8")) as OracleCase[];

function asSpireWould({ trustDomain, plugins }: SpireConf): OracleCase["spire"] {
  const all = plugins.map(({ type, name, command, args, checksum, enabled, data, dataFile }) => ({
    type,
    name,
    cmd: command?.value ?? "",
    args: args.length === 0 ? null : [...args],
    sum: checksum?.value ?? "",
    off: !enabled,
    ...(data === undefined || data.value === "" || dataFile !== undefined ? {} : { data: data.value }),
    ...(dataFile === undefined ? {} : { file: dataFile.value }),
  }));
  return { ...(trustDomain === undefined ? {} : { td: trustDomain.value }), plugins: all.length === 0 ? null : all };
}

function refusal(conf: string): unknown {
  try {
    return parseSpireConf(conf).problems[0];
  } catch (error) {
    return error;
  }
}

describe("parseSpireConf", () => {
  it.each(cases.filter(({ spire }) => spire.err === undefined).map((each) => [each.conf, each] as const))(
    "reads as SPIRE does: %j",
    (_, { conf, spire }) => expect(asSpireWould(parseSpireConf(conf))).toEqual(spire),
  );

  it.each(cases.filter(({ spire }) => spire.err !== undefined).map((each) => [each.conf, each] as const))(
    "refuses what SPIRE refuses: %j",
    (_, { conf }) => expect(refusal(conf)).toBeInstanceOf(Problem),
  );

  it("says where each setting stands", () => {
    const conf = parseSpireConf(
      'server {\n  trust_domain = "example.org"\n}\nplugins {\n  NodeAttestor "keylime" {\n    plugin_cmd = "/x"\n    plugin_data {\n      a = 1\n    }\n  }\n}\n',
      "server.conf",
    );
    const [block] = conf.plugins;
    const at = (line: number, column: number) => ({ file: "server.conf", line, column });
    expect({ half: conf.half, trustDomain: conf.trustDomain, at: block?.at, command: block?.command }).toEqual({
      half: "server",
      trustDomain: { value: "example.org", at: at(2, 18) },
      at: at(5, 3),
      command: { value: "/x", at: at(6, 18) },
    });
    expect(block?.data?.items[0]?.span).toMatchObject({ line: 8, column: 7 });
  });

  it("names the block that is declared twice", () => {
    const twice = 'plugins {\n NodeAttestor "k" { plugin_cmd = "/a" }\n NodeAttestor "k" { plugin_cmd = "/b" }\n}';
    expect(parseSpireConf(twice).problems.map(({ code, message, at }) => ({ code, message, at }))).toEqual([
      {
        code: "spire-plugin-duplicate",
        message: 'plugin NodeAttestor "k" is declared more than once',
        at: { line: 3, column: 2 },
      },
    ]);
  });

  it("answers every cut and mutated file with blocks or a Problem", () => {
    const source = cases.find(({ conf }) => conf.includes("plugin_checksum"))!.conf;
    const texts = Array.from(source, (_, end) => source.slice(0, end));
    for (const text of texts) expectBlocksOrProblem(text);
    fc.assert(
      fc.property(fc.nat(source.length - 1), fc.string({ maxLength: 3 }), (at, piece) => {
        expectBlocksOrProblem(source.slice(0, at) + piece + source.slice(at + 1));
      }),
    );
  });
});

function expectBlocksOrProblem(text: string): void {
  try {
    expect(Array.isArray(parseSpireConf(text).plugins)).toBe(true);
  } catch (error) {
    expect(error).toBeInstanceOf(Problem);
  }
}

describe("printPluginData", () => {
  const printed = cases.flatMap(({ conf, spire }) => {
    if (spire.err !== undefined) return [];
    return parseSpireConf(conf).plugins.flatMap(({ data }) => (data === undefined ? [] : [[data.value] as const]));
  });

  it("prints what the plugin's parser takes", () => {
    const isList = (text: string) => text.startsWith("[") || text.startsWith('"a = 1"');
    const texts = printed.map(([text]) => text).filter((text) => !isList(text));
    expect(texts.length).toBeGreaterThan(15);
    for (const text of texts) parseHcl(text, { printedBySpire: true });
  });

  it("prints items that stand outside of a SPIRE file", () => {
    const document = parseHcl('a = "b"\nn=8881 l = ["x",1,]');
    expect(printPluginData(document.items, document)).toBe('a = "b"\n\nn = 8881\n\nl = ["x", 1]');
  });

  it("keeps the lines of a heredoc in a nested block as they are", () => {
    const conf = 'plugins { A "b" { plugin_data { o { c = <<EOF\n  q\nr\nEOF\n d = 1 } } } }';
    expect(parseSpireConf(conf).plugins[0]?.data?.value).toBe("o {\n  c = <<EOF\n  q\nr\nEOF\n\n  d = 1\n}");
  });
});

describe("nodeAttestorOf", () => {
  const conf = parseSpireConf(
    'plugins { NodeAttestor "join_token" {} NodeAttestor "keylime" { plugin_cmd = "/x" } NodeAttestor "off" { plugin_cmd = "/y" enabled = false } }',
  );

  it("finds the only enabled external one", () => expect(nodeAttestorOf(conf).name).toBe("keylime"));

  it.each(["join_token", "off", "other"])("does not take %s", (name) => {
    expect(() => nodeAttestorOf(conf, name)).toThrow(/NodeAttestors there: "join_token", "keylime"$/);
  });
});

describe("loadPluginData", () => {
  it("takes the text of plugin_data_file as it is", async () => {
    const file = new URL("spire-conf.oracle.json", import.meta.url).pathname;
    const [block] = parseSpireConf(
      `plugins { NodeAttestor "k" { plugin_data_file = ${JSON.stringify(file)} } }`,
    ).plugins;
    expect(await loadPluginData(block!)).toBe(readFileSync(file, "utf8"));
  });

  it("says which file it cannot read", async () => {
    const [block] = parseSpireConf('plugins { NodeAttestor "k" { plugin_data_file = "missing.hcl" } }').plugins;
    await expect(loadPluginData(block!, "/nonexistent")).rejects.toMatchObject({
      code: "spire-conf-unreadable",
      message: expect.stringContaining('cannot read plugin_data_file "/nonexistent/missing.hcl"'),
    });
  });
});

describe("expandVariables", () => {
  it("expands as Go's os.Expand", () => {
    const braced = (name: string) => `$\{${name}}`;
    const text = `a = "$A ${braced("B")} $$C $D ${braced("E")}f $1x $"`;
    expect(expandVariables(text, { A: "1", B: "2", E: "" })).toBe('a = "1 2 $C  f x $"');
  });
});
