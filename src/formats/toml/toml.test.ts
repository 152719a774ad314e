import { describe, expect, it } from "vitest";
import { Problem, problemLine } from "../../core/problem.js";
import { findTomlEntry, tomlValueAt } from "./document.js";
import { editToml, type TomlChange } from "./edit.js";
import { parseToml } from "./parser.js";

const agentConf = `# The Keylime agent
[agent]
uuid = "d432fbb3-d2f1-4a97-9ef7-75bd81c00000" # the shipped one
  trusted_client_ca = """\\
    /etc/ca.crt"""
port = 9002

[other."x y"]
list = [ # two
  "a]", # }
  1,
]
`;

function problemOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof Problem) return problemLine(error);
    throw error;
  }
  return "done";
}

const edited = (text: string, ...changes: TomlChange[]): string => editToml(parseToml(text), changes);

describe("parseToml", () => {
  it("says where every key and value stands", () => {
    const { text, entries, headers } = parseToml(agentConf);
    expect(
      entries.map(({ path, key, value }) => [
        path.join("/"),
        `${key.line}:${key.column}`,
        `${value.line}:${value.column}`,
        text.slice(value.start, value.end),
      ]),
    ).toEqual([
      ["agent/uuid", "3:1", "3:8", '"d432fbb3-d2f1-4a97-9ef7-75bd81c00000"'],
      ["agent/trusted_client_ca", "4:3", "4:23", '"""\\\n    /etc/ca.crt"""'],
      ["agent/port", "6:1", "6:8", "9002"],
      ["other/x y/list", "9:1", "9:8", '[ # two\n  "a]", # }\n  1,\n]'],
    ]);
    expect(headers.map(({ path, span }) => [path.join("/"), span.line])).toEqual([
      ["agent", 2],
      ["other/x y", 8],
    ]);
  });

  it("finds values by path, also in arrays of tables", () => {
    const document = parseToml('[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = "e"\n');
    expect(tomlValueAt(document, ["a", 1, "b"])).toBe(2n);
    expect(tomlValueAt(document, ["a", 2, "b"])).toBeUndefined();
    expect(tomlValueAt(document, ["a", "toString"])).toBeUndefined();
    expect(findTomlEntry(document, ["a", 1, "c", "d"])?.value.line).toBe(6);
  });

  it.each([
    ["a = 1\nb = x\n", "agent.conf:2:5"],
    ["a = 1\na = 2\n", "agent.conf:2:1"],
  ])("refuses %j with its place", (text, place) => {
    expect(problemOf(() => parseToml(text, { file: "agent.conf" }))).toMatch(
      new RegExp(`^\\[keylime-conf-syntax\\] [^\\n]+ \\(${place}\\)$`),
    );
  });
});

describe("editToml", () => {
  it("changes values of one line and of several, and nothing else", () => {
    const changes: TomlChange[] = [
      { set: ["agent", "port"], value: 9003 },
      { set: ["agent", "trusted_client_ca"], value: "/etc/other.crt" },
    ];
    expect(edited(agentConf, ...changes)).toBe(
      agentConf.replace("9002", "9003").replace('"""\\\n    /etc/ca.crt"""', '"/etc/other.crt"'),
    );
  });

  it.each([
    ["behind the last key of its table", agentConf, agentConf.replace("9002\n", "9002\nip = true\n")],
    ["in a table without keys", "[agent]\r\n[b]", "[agent]\r\nip = true\r\n[b]"],
    ["in a table that is not there", "[b]\nc = 1", "[b]\nc = 1\n\n[agent]\nip = true\n"],
    ["in an empty file", "", "[agent]\nip = true\n"],
  ])("puts a new key %s", (_, before, after) => {
    expect(edited(before, { set: ["agent", "ip"], value: true })).toBe(after);
  });

  it("removes a key with its line, and keeps the comment behind it", () => {
    expect(edited(agentConf, { remove: ["agent", "port"] }, { remove: ["agent", "uuid"] })).toBe(
      agentConf.replace("port = 9002\n", "").replace(/uuid = "[^"]+" /, ""),
    );
  });

  it.each<[string, TomlChange, string]>([
    ["to remove what is not set", { remove: ["agent", "x"] }, "agent.x is not set"],
    ["to set what a table header makes", { set: ["other", "x y"], value: "" }, "other.x y is not set by itself"],
    ["to make a key a table", { set: ["agent", "port", "x"], value: "" }, "already defined"],
  ])("refuses %s", (_, change, why) => {
    expect(problemOf(() => edited(agentConf, change))).toContain(why);
  });
});
