import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { planRehearsal } from "./plan.js";

let dir: string;
const at = (name: string) => join(dir, name);
const conf = (half: string, trustDomain: string, label: string, more = "") =>
  `${half} { trust_domain = "${trustDomain}" }\nplugins { NodeAttestor "${label}" { plugin_cmd = "/opt/x" plugin_args = ["${half}"] ${more} plugin_data { a = "$A" } } }`;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "plan-"));
  await writeFile(at("server.conf"), conf("server", "one.example", "keylime", 'plugin_checksum = "ab"'));
  await writeFile(at("agent.conf"), conf("agent", "two.example", "keylim"));
  await writeFile(
    at("twice.conf"),
    `${conf("server", "x", "keylime")}\n`.replace("plugins {", 'plugins { NodeAttestor "keylime" {}'),
  );
  await writeFile(at("data.hcl"), "b = 2");
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe("planRehearsal", () => {
  it("takes executable, checksum, data and trust domain from the files, and warns of what SPIRE would trip over", async () => {
    const plan = await planRehearsal({ server: { config: at("server.conf") }, agent: { config: at("agent.conf") } });
    const checksum = { value: "ab", at: { file: at("server.conf"), line: 2, column: expect.any(Number) } };
    expect(plan).toEqual({
      server: { name: "keylime", command: "/opt/x", args: ["server"], checksum, data: 'a = "$A"' },
      agent: { name: "keylim", command: "/opt/x", args: ["agent"], data: 'a = "$A"' },
      trustDomain: "one.example",
      warnings: [
        { id: "spire-plugin-duplicate", message: expect.stringContaining('"keylime", the agent "keylim"') },
        { id: "spire-trust-domain", message: expect.stringContaining('"one.example", the agent\'s "two.example"') },
      ],
    });
  });

  it("replaces a half by a command, keeping the file's plugin_data unless another is given", async () => {
    const server = { config: at("server.conf"), plugin: ["./mine", "-x"] };
    const agent = { ...server, config: at("agent.conf"), data: at("data.hcl") };
    const plan = await planRehearsal({ server, agent, trustDomain: "three", expandEnv: { A: "1" } });
    expect([plan.server, plan.agent, plan.trustDomain]).toEqual([
      { name: "keylime", command: "./mine", args: ["-x"], data: 'a = "1"' },
      { name: "keylim", command: "./mine", args: ["-x"], data: "b = 2" },
      "three",
    ]);
  });

  it.each([
    ["a half that is not given", {}, { code: "usage", message: "the server half is not given" }],
    [
      "the other half's file",
      { config: "agent.conf" },
      { code: "usage", message: /is the configuration of SPIRE agent/ },
    ],
    [
      "a file SPIRE would refuse",
      { config: "twice.conf" },
      { message: /^SPIRE would refuse .*declared more than once/ },
    ],
    ["a file that is not there", { config: "none.conf" }, { code: "spire-conf-unreadable" }],
  ])("refuses %s", async (_, server, expected) => {
    const source = "config" in server ? { config: at(server.config) } : {};
    const message = "message" in expected ? { message: expect.stringMatching(expected.message) } : {};
    await expect(planRehearsal({ server: source, agent: { plugin: ["x"] } })).rejects.toMatchObject({
      ...expected,
      ...message,
    });
  });
});
