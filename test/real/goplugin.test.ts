import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { hostPlugin, type PluginLogRecord, type RecordedMetric, StatusCode } from "../../src/plugin-sdk/index.js";
import { type BundleDirectory, createBundleDirectory, projectRoot } from "../process/bundle-plugin.js";

const sources = join(projectRoot, "test/real/goplugin-host");

/** Builds the Go programs once per state of their sources, outside the tree. Returns the directory they are in. */
async function buildGoPrograms(): Promise<string> {
  const hash = createHash("sha256");
  for (const file of ["go.mod", "go.sum", "host/main.go", "plugin/main.go"])
    hash.update(readFileSync(join(sources, file)));
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const directory = join(cache, "spire-keylime", `goplugin-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(directory)) return directory;
  const scratch = `${directory}.${process.pid}`;
  mkdirSync(scratch, { recursive: true });
  await run("go", ["build", "-trimpath", "-o", `${scratch}/`, "./host", "./plugin"], { cwd: sources });
  mkdirSync(dirname(directory), { recursive: true });
  renameSync(scratch, directory);
  return directory;
}

const run = promisify(execFile);
const hasGo = await run("go", ["version"]).then(
  () => true,
  () => false,
);
if (!hasGo) process.stderr.write("skipped test/real/goplugin.test.ts: go is not on PATH\n");
const requireGo = process.env.REQUIRE_REAL_PEERS === "1";

interface GoHostRun {
  report: Record<string, unknown> & { pluginPid: number; unloadMs: number };
  logs: { "@level": string; "@message": string; "@module": string }[];
  raw: string[];
}

let bundles: BundleDirectory;
let fixture: string;
let programs: string;

beforeAll(async () => {
  if (!hasGo && !requireGo) return;
  programs = await buildGoPrograms();
  bundles = await createBundleDirectory();
  fixture = await bundles.bundle("fixture", {
    file: fileURLToPath(new URL("../process/goplugin-fixture.ts", import.meta.url)),
  });
}, 600_000);
afterAll(async () => {
  await bundles?.[Symbol.asyncDispose]();
});

let sequence = 0;

/** Runs the Go host in a process group and a socket directory of its own. */
async function goHost(...args: string[]): Promise<GoHostRun & { sockets: string[] }> {
  const sockets = join(bundles.path, `g${sequence++}`);
  mkdirSync(sockets);
  const child = spawn(join(programs, "host"), args, {
    detached: true,
    env: { ...process.env, TMPDIR: sockets },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  await new Promise((resolve) => child.once("exit", resolve));
  await vi.waitFor(() => expect(stdout, stderr).toMatch(/\n$/));
  const raw = stderr.split("\n").filter((line) => line !== "");
  return { report: JSON.parse(stdout), logs: raw.map((line) => JSON.parse(line)), raw, sockets: readdirSync(sockets) };
}

const admitted = (act: string, value: string) => ({
  spiffeId: `spiffe://example.org/spire/agent/fixture/${act}`,
  selectors: [value],
});

/** What go-plugin itself says about the plugin, from info on. */
const hostWords = ({ logs }: GoHostRun) =>
  logs.filter((line) => line["@module"].startsWith("host") && !["debug", "trace"].includes(line["@level"]));

describe.skipIf(!hasGo && !requireGo)("hashicorp/go-plugin 1.7 as SPIRE uses it, with our plugin", () => {
  it("attests thousands of times at a stretch, though nghttp2 sends a connection away for the many streams a Go host cancels", async () => {
    const { report } = await goHost(
      "-parallel",
      "8",
      fixture,
      ...Array.from({ length: 1200 }, () => "challenge again"),
    );
    expect(report.attestations).toEqual(Array.from({ length: 9600 }, () => admitted("challenge", "again")));
    expect(report.deinit).toBe("<nil>");
  });

  it("loads, configures, attests, takes metrics and unloads without a word of complaint", async () => {
    const result = await goHost(
      ...["-hcl", "first", fixture, "config", "challenge abc", "deny no entry", "throw", "uncaught", "print"],
      ...["long-log 300000", "metrics", "agent spiffe://example.org/known", "agent x"],
    );
    expect(result.report).toEqual({
      services: ["spire.plugin.server.nodeattestor.v1.NodeAttestor", "spire.service.common.config.v1.Config"],
      configuredMs: expect.any(Number),
      ping: "<nil>",
      attestations: [
        admitted("config", "example.org first"),
        admitted("challenge", "abc"),
        { code: "PermissionDenied", message: "no entry" },
        { code: "Internal", message: "boom on two lines" },
        admitted("uncaught", "alive"),
        admitted("print", "printed"),
        admitted("long-log", "logged"),
        admitted("metrics", "sent"),
        admitted("agent", "spiffe://example.org/known"),
        { code: "NotFound", message: "no such agent" },
      ],
      metrics: expect.arrayContaining([
        "gauge [gauge] 1.5 []",
        "counter [counter two] 2 outcome=ok",
        "measure [measure] 1700000000000000000",
      ]),
      unloadMs: expect.any(Number),
      deinit: "<nil>",
      pluginPid: expect.any(Number),
    });
    expect(hostWords(result).map((line) => line["@message"])).toEqual(["plugin process exited"]);
    expect(result.report.unloadMs).toBeLessThan(2000);
    expect(result.sockets).toEqual([]);
    // Read by hclog itself: the level, the message and no raw line at debug.
    const own = result.logs.filter((line) => line["@module"] === "fixture");
    expect(
      own
        .filter((line) => line["@level"] !== "debug")
        .map((line) => `${line["@level"]} ${line["@message"].slice(0, 40)}`),
    ).toEqual(
      expect.arrayContaining([
        "error call failed inside the plugin",
        "error uncaught exception",
        "error unhandled rejection",
        "info long",
        "info unloaded",
      ]),
    );
  });

  it("answers 64 attestations at once", async () => {
    const result = await goHost("-parallel", "64", fixture, "challenge abc");
    expect(result.report.attestations).toEqual(Array(64).fill(admitted("challenge", "abc")));
  });

  it("sees exit 0 and logs no error when SIGTERM goes to the whole group in life and at unload", async () => {
    const result = await goHost("-signal-group", fixture, "challenge abc", "uncaught");
    expect(result.report.attestations).toEqual([admitted("challenge", "abc"), admitted("uncaught", "alive")]);
    expect(hostWords(result)).toMatchObject([{ "@level": "info", "@message": "plugin process exited" }]);
  });

  it("leaves no plugin behind when it dies without a parent-death signal", async () => {
    const result = await goHost("-die", fixture);
    await vi.waitFor(() => expect(isRunning(result.report.pluginPid)).toBe(false), { timeout: 10_000, interval: 50 });
  });
});

describe.skipIf(!hasGo && !requireGo)("our host with a plugin written with SPIRE's own SDK for Go", () => {
  async function load(logs: PluginLogRecord[], metrics: RecordedMetric[]) {
    const plugin = await hostPlugin({
      command: join(programs, "plugin"),
      type: "NodeAttestor",
      name: "go",
      trustDomain: "example.org",
      hclConfiguration: "first",
      hostServices: { metrics: (metric) => metrics.push(metric), agentStore: async (agentId) => ({ agentId }) },
      onLog: (record) => logs.push(record),
    });
    await plugin.configure();
    return plugin;
  }

  it("loads, configures, attests, serves host services and unloads", async () => {
    const logs: PluginLogRecord[] = [];
    const metrics: RecordedMetric[] = [];
    const plugin = await load(logs, metrics);
    expect(plugin.pluginServiceNames).toEqual([
      "spire.plugin.server.nodeattestor.v1.NodeAttestor",
      "spire.service.common.config.v1.Config",
    ]);
    const stream = plugin.attestServer();
    await stream.send({ payload: Buffer.from("host-1") });
    const challenge = (await stream.receive())?.challenge;
    expect(String(challenge)).toBe("challenge host-1");
    await stream.send({ challengeResponse: Buffer.from("answer") });
    expect((await stream.receive())?.agentAttributes).toEqual({
      spiffeId: "spiffe://example.org/known",
      selectorValues: ["example.org first", "answer"],
      canReattest: false,
    });
    expect(await stream.receive()).toBeUndefined();
    const denied = plugin.attestServer();
    await denied.send({ payload: Buffer.from("deny") });
    await expect(denied.receive()).rejects.toMatchObject({
      code: StatusCode.PERMISSION_DENIED,
      message: "denied as asked",
    });
    await expect(plugin.configure("refuse")).rejects.toMatchObject({
      code: StatusCode.INVALID_ARGUMENT,
      message: "refused as asked",
    });
    await expect(plugin.validate()).rejects.toMatchObject({ code: StatusCode.UNIMPLEMENTED });
    expect(metrics).toEqual([{ kind: "counter", key: ["go", "attest"], value: 1, labels: {} }]);
    expect(await plugin.close()).toEqual({ exit: { code: 0, signal: null }, graceful: true });
    expect(logs).toContainEqual({
      level: "info",
      message: "configured",
      timestamp: expect.any(String),
      fields: expect.objectContaining({ hcl: "first" }),
    });
  });
});

// A killed process that nobody has waited for is a zombie: dead, but signal 0 still finds it.
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
