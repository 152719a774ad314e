import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { chmod, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { HclItem, HclValue } from "../../formats/hcl/document.js";
import { parseHcl } from "../../formats/hcl/parser.js";
import { judgeAgentItems, judgeServerItems } from "../../spire/plugin-data.js";
import type { Io } from "../io.js";
import { pluginBlockText, runPluginBlock } from "./plugin-block.js";
import { pluginBlockReport } from "./plugin-block-report.js";

const script =
  "#!/usr/bin/env node\nprocess.stdout.write(JSON.stringify([process.argv[1], ...process.argv.slice(2)]));\n";

let folder: string;
let executable: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "plugin-block-")));
  executable = join(folder, 'it"s $HOME.cjs');
  await writeFile(executable, script);
  await chmod(executable, 0o755);
});
afterEach(() => rm(folder, { recursive: true }));

function recorder() {
  const written = { out: "", err: "" };
  const io: Io = {
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    colour: false,
    env: {},
    interrupted: new AbortController().signal,
  };
  return { io, written };
}

/** What a block says, by key. */
function read(text: string) {
  const [item] = parseHcl(text).items;
  const items = item!.value.kind === "object" ? item!.value.items : [];
  const valueUnder = (key: string): HclValue => items.find(({ keys }) => keys[0].name === key)!.value;
  const textOf = (value: HclValue) => (value.kind === "string" ? value.value : undefined);
  const args = valueUnder("plugin_args");
  const data = valueUnder("plugin_data");
  return {
    names: item!.keys.map(({ name }) => name),
    command: textOf(valueUnder("plugin_cmd"))!,
    args: args.kind === "list" ? args.items.map((value) => textOf(value)!) : [],
    checksum: textOf(valueUnder("plugin_checksum"))!,
    data: data.kind === "object" ? (data.items as HclItem[]) : [],
  };
}

/** As SPIRE would start it, with an empty environment. */
function start({ command, args }: { command: string; args: string[] }) {
  const { status, stdout, stderr } = spawnSync(command, args, { env: {}, encoding: "utf8" });
  return { status, stdout, stderr };
}

const sha256 = (bytes: string) => createHash("sha256").update(bytes).digest("hex");

describe("pluginBlockText", () => {
  it("is a block to paste, word for word", () => {
    expect(pluginBlockText({ half: "agent", executable: "/opt/spire-keylime.cjs", checksum: "ab" })).toBe(
      `NodeAttestor "keylime" {
    # plugin_checksum covers the whole plugin. Its first line finds Node through PATH: when SPIRE's environment has none
    # (the error is "Failed to read any lines"), use the block that spire-keylime plugin block agent --node prints.
    plugin_cmd = "/opt/spire-keylime.cjs"
    plugin_args = ["plugin", "agent"]
    plugin_checksum = "ab"
    plugin_data {
        keylime_agent_host = "127.0.0.1"
        keylime_agent_port = "9002"
        # A Keylime agent with mutual TLS (enable_agent_mtls = true, its default) takes these as well:
        # keylime_agent_ca_cert_file = "/etc/spire/keylime/agent-ca.crt"
        # keylime_agent_client_cert_file = "/etc/spire/keylime/client.crt"
        # keylime_agent_client_key_file = "/etc/spire/keylime/client.key"
    }
}
`,
    );
  });

  it("has plugin_data that the plugin takes without a word, defaults or not", () => {
    const base = { executable: "/x", checksum: "ab" };
    const data = { keylime_verifier_host: "verifier", keylime_api_version: "2.4" };
    const server = judgeServerItems(read(pluginBlockText({ ...base, half: "server", data })).data, "server.conf");
    const agent = judgeAgentItems(read(pluginBlockText({ ...base, half: "agent" })).data, "agent.conf");
    expect([server.problems, server.warnings, agent.problems, agent.warnings]).toEqual([[], [], [], []]);
    expect(server.settings).toMatchObject({ verifiers: [{ host: "verifier" }], apiVersion: "2.4" });
  });
});

describe("plugin block", () => {
  it("prints the executable with its checksum", async () => {
    const { io, written } = recorder();
    expect(await runPluginBlock({ half: "server", executable }, io)).toBe(0);
    expect(read(written.out)).toMatchObject({
      names: ["NodeAttestor", "keylime"],
      command: executable,
      args: ["plugin", "server"],
      checksum: sha256(script),
    });
    expect(written.err).toBe("");
  });

  it("prints the same with --json as one document of the published schema", async () => {
    const { io, written } = recorder();
    expect(await runPluginBlock({ half: "server", executable, json: true }, io)).toBe(0);
    const report = pluginBlockReport.parse(JSON.parse(written.out));
    expect(report).toEqual({
      schema: "spire-keylime/plugin-block/v1",
      half: "server",
      executable,
      executable_sha256: sha256(script),
      plugin_cmd: executable,
      plugin_args: ["plugin", "server"],
      plugin_checksum: sha256(script),
      is_executable: true,
      needs_path: true,
      hcl: pluginBlockText({ half: "server", executable, checksum: sha256(script) }),
    });
    const published = new URL("../../../docs/schemas/plugin-block.schema.json", import.meta.url);
    expect(JSON.parse(readFileSync(published, "utf8"))).toEqual(z.toJSONSchema(pluginBlockReport));
  });

  it("says so when the file needs no PATH", async () => {
    await writeFile(executable, script.replace("/usr/bin/env node", process.execPath));
    const { io, written } = recorder();
    await runPluginBlock({ half: "server", executable }, io);
    expect(written.out).toContain(
      "# plugin_checksum covers the whole plugin; its first line names Node by absolute path.\n",
    );
    expect(start(read(written.out))).toMatchObject({
      status: 0,
      stdout: JSON.stringify([executable, "plugin", "server"]),
    });
  });

  it("prints a form with --node that starts without PATH", async () => {
    const { io, written } = recorder();
    await runPluginBlock({ half: "agent", executable, node: true }, io);
    const block = read(written.out);
    expect(block.command).toBe(await realpath(process.execPath));
    expect(block.checksum).toMatch(/^[0-9a-f]{64}$/);
    expect(start(block)).toEqual({ status: 0, stdout: JSON.stringify([executable, "plugin", "agent"]), stderr: "" });
  });

  it("does not start an executable with --node that was changed since", async () => {
    const { io, written } = recorder();
    await runPluginBlock({ half: "agent", executable, node: true }, io);
    await writeFile(executable, `${script}\n`);
    expect(start(read(written.out))).toEqual({
      status: 1,
      stdout: "",
      stderr: `[ERROR] ${executable} does not match the checksum in plugin_args\n`,
    });
  });

  it("warns of a file that is not executable", async () => {
    await chmod(executable, 0o644);
    const { io, written } = recorder();
    expect(await runPluginBlock({ half: "server", executable }, io)).toBe(0);
    expect(written.err).toMatch(/^warning: .* is not executable, so SPIRE cannot start it/);
  });

  it.each(["no-such-file", "."])("explains that %s is no executable", async (name) => {
    const { io, written } = recorder();
    await expect(runPluginBlock({ half: "server", executable: join(folder, name) }, io)).rejects.toMatchObject({
      code: "spire-plugin-missing",
      culprit: "usage",
    });
    expect(written.out).toBe("");
  });
});
