import { readdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { builtExecutable } from "../support/built-executable.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import {
  type AttestingNode,
  type PluginValues,
  pluginFileValues,
  startAttestingNode,
  writePluginFiles,
} from "./support/attesting-node.js";
import { describeWithPeers, type PeerName } from "./support/peers.js";
import { ourPluginBlock } from "./support/plugin-under-test.js";
import { type SpireAgent, type SpireServer, startSpireServer } from "./support/spire.js";

const everyPeer: PeerName[] = ["spire-server", "spire-agent", "keylime_verifier", "keylime_registrar"];

type Spire = SpireServer | SpireAgent;

/** How the service manager stops a service: the leader alone, or all processes (systemd's KillMode=control-group). */
const stops: [string, (spire: Spire) => void][] = [
  ["SIGTERM to its process", ({ child }) => void process.kill(child.pid, "SIGTERM")],
  ["SIGINT to its process", ({ child }) => void process.kill(child.pid, "SIGINT")],
  ["SIGTERM to its process group", ({ child }) => void child.signalGroup("SIGTERM")],
  ["SIGINT to its process group, as a terminal sends it", ({ child }) => void child.signalGroup("SIGINT")],
];

describeWithPeers(everyPeer, "the end of SPIRE", () => {
  let node: AttestingNode;
  beforeAll(async () => {
    node = await startAttestingNode();
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  it.each(stops)("by %s unloads both plugins without an error", async (_, stop) => {
    await using server = await node.startSpireServer();
    await using agent = await node.startSpireAgent(server);
    expect(await endOf(agent, stop)).toEqual(cleanEnd);
    expect(await endOf(server, stop)).toEqual(cleanEnd);
  });

  it("by SIGKILL leaves no plugin behind", async () => {
    await using server = await node.startSpireServer();
    await using agent = await node.startSpireAgent(server);
    for (const spire of [agent, server]) {
      const plugins = await childrenOf(spire.child.pid);
      expect(plugins).toHaveLength(1);
      process.kill(spire.child.pid, "SIGKILL");
      await spire.child.exited;
      await until(() => plugins.every((pid) => !isAlive(pid)), { what: "the plugin to end", timeoutMs: 5000 });
    }
  });
});

describeWithPeers(["spire-server"], "a spire-server with a wrong plugin_data", () => {
  /** Why it did not start, in its own last words. */
  const lastWords = async (values: PluginValues): Promise<unknown> => {
    await using dir = await temporaryDirectory();
    await writePluginFiles(dir, await fieldReportPki());
    const nodeAttestorBlock = ourPluginBlock("server", { ...pluginFileValues(dir), ...values });
    const failure = await failureOf(dir.path, nodeAttestorBlock);
    const crash = /^\{.*"msg":"Server crashed".*\}$/m.exec(failure)?.[0];
    return crash === undefined ? failure : JSON.parse(crash).error;
  };
  const refused =
    'failed to configure plugin "keylime": rpc error: code = InvalidArgument desc = invalid configuration';

  it("does not start with keys the plugin does not know, and names them and what was meant", async () => {
    const unknown = (key: string, nearest: string) =>
      `[plugin-unknown-key] unknown key "${key}" in the server plugin's plugin_data; did you mean ${nearest}?`;
    expect(await lastWords({ keylime_tls_certfile: "/x", keylime_verifier_hots: "y" })).toBe(
      `${refused} (2 problems): ${unknown("keylime_tls_certfile", "keylime_tls_cert_file")}; ${unknown("keylime_verifier_hots", "keylime_verifier_host")}`,
    );
  });

  it("does not start without the certificate file, and names it and its key", async () => {
    expect(await lastWords({ keylime_tls_cert_file: "/nonexistent/plugin.crt" })).toBe(
      `${refused}: [plugin-missing-file] cannot load client certificate "/nonexistent/plugin.crt" (keylime_tls_cert_file): "/nonexistent" does not exist; create it, or correct keylime_tls_cert_file`,
    );
  });
});

describeWithPeers(["spire-server"], "a spire-server that starts the plugin with other plugin_args", () => {
  it.each([
    ["none", "", "no plugin_args"],
    ["those of no half", '["server"]', 'plugin_args ["server"]'],
  ])("logs as an error what is missing where there are %s", async (_name, args, found) => {
    await using dir = await temporaryDirectory();
    const block = `NodeAttestor "keylime" {
      plugin_cmd = ${JSON.stringify(builtExecutable())}
      ${args === "" ? "" : `plugin_args = ${args}`}
      plugin_data {}
    }`;
    const log = (await failureOf(dir.path, block)).split("\n").filter((line) => line.includes("[plugin-args]"));
    expect(log.map((line) => JSON.parse(line)).map(({ level, msg }) => `${level} ${msg}`)).toEqual([
      `error [ERROR] [plugin-args] cannot serve SPIRE: it was started with ${found}; set plugin_args = ["plugin", "server"] in server.conf, ["plugin", "agent"] in agent.conf`,
    ]);
  });
});

/** What a spire-server told that did not start. */
async function failureOf(dir: string, nodeAttestorBlock: string): Promise<string> {
  return await startSpireServer({ dir, nodeAttestorBlock }).then(
    (server) => server.stop().then(() => "it started"),
    (error: Error) => error.message,
  );
}

/** What SPIRE itself makes of it: go-plugin logs the exit of a process that did not end with 0 as an error. */
async function endOf(spire: Spire, stop: (spire: Spire) => void) {
  const plugins = await childrenOf(spire.child.pid);
  expect(plugins).toHaveLength(1);
  stop(spire);
  const exit = await spire.child.exited;
  const entries = spire.logEntries();
  return {
    exit,
    pluginExits: entries.filter(({ msg }) => msg === "plugin process exited").map(({ level, error }) => [level, error]),
    complaints: entries.filter(
      ({ level, plugin_name }) => level === "error" || (level === "warning" && plugin_name === "keylime"),
    ),
    alive: plugins.filter(isAlive),
  };
}

const cleanEnd: Awaited<ReturnType<typeof endOf>> = {
  exit: { code: 0, signal: null },
  pluginExits: [["info", undefined]],
  complaints: [],
  alive: [],
};

/** The processes that a process has started (Linux's /proc). */
async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const parents = await Promise.all(
    pids.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
      return { pid: Number(pid), parent: Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]) };
    }),
  );
  return parents.filter((process) => process.parent === parent).map(({ pid }) => pid);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
