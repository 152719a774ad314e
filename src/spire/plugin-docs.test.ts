import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { HclItem } from "../formats/hcl/document.js";
import { parseHcl } from "../formats/hcl/parser.js";
import { judgeAgentItems, judgeServerItems } from "./plugin-data.js";
import { agentKeys, type KeySchema, serverKeys } from "./schema.js";
import { selectorsOf } from "./selectors.js";
import { selectorNames } from "./settings.js";

const page = (half: string) =>
  readFileSync(new URL(`../../docs/plugin_${half}_nodeattestor_keylime.md`, import.meta.url), "utf8");

const pages = { server: page("server"), agent: page("agent") };

/** The rows of the table whose head starts with a word, as cells. */
function table(text: string, head: string): string[][] {
  const rows = text.split(`| ${head} |`)[1]!.split("\n\n")[0]!.split("\n").slice(2);
  return rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function rowOf([key, schema]: [string, KeySchema]): string[] {
  const aliases = (schema.aliases ?? []).map((alias) => ` \`${alias}\` is an alias.`).join("");
  return [`\`${key}\``, `${schema.meaning}${aliases}`, defaultOf(schema)];
}

function defaultOf({ default: value, absent }: KeySchema): string {
  if (value === undefined) return absent ?? "";
  return `\`${typeof value === "object" ? `[${value.map((one) => JSON.stringify(one)).join(", ")}]` : value}\``;
}

function samples(text: string): string[] {
  return [...text.matchAll(/```hcl\n([\s\S]*?)```/g)].map(([, hcl]) => hcl!);
}

function pluginData(hcl: string): readonly HclItem[] {
  const [{ value: block }] = parseHcl(hcl).items as [HclItem];
  const items = block.kind === "object" ? block.items : [];
  const data = items.find(({ keys }) => keys[0].name === "plugin_data")!.value;
  return data.kind === "object" ? data.items : [];
}

describe.each([
  ["server", serverKeys, judgeServerItems],
  ["agent", agentKeys, judgeAgentItems],
] as const)("the page of the %s plugin", (half, keys, judge) => {
  it("lists exactly the keys of the schema, with their defaults and meaning", () => {
    expect(table(pages[half], "Configuration")).toEqual(Object.entries(keys).map(rowOf));
  });

  it("has samples that the plugin takes without problem or warning", () => {
    expect(samples(pages[half]).length).toBeGreaterThan(0);
    for (const hcl of samples(pages[half])) {
      expect(judge(pluginData(hcl), "sample")).toMatchObject({ problems: [], warnings: [] });
    }
  });
});

it("lists every selector on the server plugin's page, with an example the plugin would emit", () => {
  const { values } = selectorsOf({
    uuid: "d432fbb3-d2f1-4a97-9ef7-75bd81c0ffee",
    verifierId: "default",
    hashAlg: "sha256",
    encAlg: "rsa",
    signAlg: "rsassa",
    runtimePolicy: true,
    mbPolicy: false,
    attestationMode: "pull",
    agentMtls: true,
    ekCertSha256: "9ba51e2643bea24e91d24bdec3a1aaf8e967b6e5c1a0f3d2b4e6978812345678",
    meta: { zone: "rack-12" },
  });
  const rows = table(pages.server, "Selector");
  expect(rows.map(([name]) => name)).toEqual(selectorNames.map((name) => `\`${name}\``));
  expect(rows.map(([, example]) => example)).toEqual(values.map((value) => `\`keylime:${value}\``));
});
