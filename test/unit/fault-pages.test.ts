import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { problemLine } from "../../src/core/problem.js";
import { type FaultId, faults } from "../../src/faults/faults.js";
import { parseServerData } from "../../src/spire/plugin-data.js";

const directory = new URL("../../docs/faults/", import.meta.url);
const ids = Object.keys(faults) as FaultId[];
const index = readPage("README");
const headings = [
  "What it is",
  "Why it happens",
  "What you see",
  "See it by hand",
  "Fix it",
  "Easily confused with",
] as const;

describe("the pages of docs/faults", () => {
  it("are one for each fault, beside the index", () => {
    const pages = readdirSync(directory)
      .map((name) => name.replace(/\.md$/, ""))
      .filter((name) => name !== "README");
    expect(pages.sort()).toEqual([...ids].sort());
  });

  it.each(ids)("%s starts with its id, its words and its stage, and has the six parts in order", (id) => {
    const { title, stage } = faults[id];
    const [heading, , words, , ...rest] = readPage(id).split("\n");
    expect([heading, words]).toEqual([
      `# ${id}`,
      `${title[0]!.toUpperCase()}${title.slice(1)}. Stage: [${stage}](README.md#stages).`,
    ]);
    expect(rest.filter((line) => line.startsWith("## "))).toEqual(headings.map((each) => `## ${each}`));
  });

  it.each(ids)("%s says in 60 lines at most what can be done, and shows it with a command", (id) => {
    const page = readPage(id);
    expect(page.split("\n").length).toBeLessThanOrEqual(61);
    expect(commandsOf(partOf(page, "See it by hand")).length).toBeGreaterThan(0);
    expect(linksOf(partOf(page, "Easily confused with")).length).toBeGreaterThan(0);
  });

  it.each([...ids, "README"])("%s links to pages and parts that exist, and not to itself", (name) => {
    const broken = linksOf(readPage(name)).filter((link) => !leadsSomewhere(link, name));
    expect(broken).toEqual([]);
  });

  it.each(ids)("%s is in the index, under its stage and under a symptom", (id) => {
    const { title, stage } = faults[id];
    const [symptoms, stages] = index.split("\n## Stages\n");
    const list = stages!.split(/^### /m).find((part) => part.startsWith(`${stage}:`));
    expect(list).toContain(`\n- [${id}](${id}.md): ${title}\n`);
    expect(symptoms).toContain(`[${id}](${id}.md)`);
  });

  it.each(ids)("%s has commands that a shell can read", (id) => {
    for (const command of commandsOf(readPage(id))) {
      expect(() => execFileSync("bash", ["-n"], { input: command, stdio: "pipe" }), command).not.toThrow();
    }
  });
});

describe("what the pages show of this plugin", () => {
  it.each<[FaultId, string]>([
    ["plugin-unknown-key", 'keylime_tls_cert = "/a.crt"'],
    ["plugin-bad-value", "request_timeout = 10"],
  ])("is on %s what it says, word for word", (id, hcl) => {
    const shown = partOf(readPage(id), "What you see").replaceAll('\\"', '"').replaceAll(/\s+/g, " ");
    for (const problem of parseServerData(hcl).problems) expect(shown).toContain(problemLine(problem));
  });

  it("names no line of plugin_data, which SPIRE prints anew before the plugin sees it", () => {
    expect(ids.filter((id) => /\(plugin_data:\d/.test(readPage(id)))).toEqual([]);
  });
});

function readPage(name: string): string {
  return readFileSync(new URL(`${name}.md`, directory), "utf8");
}

function partOf(page: string, heading: (typeof headings)[number]): string {
  return page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
}

function linksOf(markdown: string): string[] {
  return [...markdown.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target!);
}

function leadsSomewhere(link: string, from: string): boolean {
  const [file, anchor] = link.split("#");
  const name = file!.replace(/\.md$/, "");
  if (name === from || !(name === "README" || ids.includes(name as FaultId))) return false;
  return anchor === undefined || anchorsOf(readPage(name)).includes(anchor);
}

/** As GitHub makes them of headings. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

/** What a page tells to type: in `console` blocks what follows `$ `, with its continuation lines; `sh` blocks as a whole. */
function commandsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^```(console|sh)\n(.*?)^```$/gms)].flatMap(([, kind, text]) =>
    kind === "sh" ? [text!] : typedLines(text!),
  );
}

function typedLines(session: string): string[] {
  const commands: string[] = [];
  let continues = false;
  for (const line of session.split("\n")) {
    if (line.startsWith("$ ")) commands.push(line.slice(2));
    else if (continues) commands.push(`${commands.pop()}\n${line}`);
    continues = line.endsWith("\\") || isOpen(commands.at(-1) ?? "");
  }
  return commands;
}

/** Whether a shell would wait for more: an open quote, or a loop without its end. */
function isOpen(command: string): boolean {
  const quotes = command.replaceAll(/"[^"]*"|'[^']*'/g, "");
  return /["']/.test(quotes) || (/\bdo$/m.test(quotes) && !/\bdone\b/.test(quotes));
}
