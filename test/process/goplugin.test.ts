import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  type HostedPlugin,
  type HostPluginOptions,
  hostPlugin,
  type PluginLogRecord,
  type RecordedMetric,
  StatusCode,
} from "../../src/plugin-sdk/index.js";
import { type BundleDirectory, createBundleDirectory, projectRoot } from "./bundle-plugin.js";

let bundles: BundleDirectory;
let fixture: string;
let hostProgram: string;

beforeAll(async () => {
  bundles = await createBundleDirectory();
  fixture = await bundles.bundle("fixture", { file: fileURLToPath(new URL("./goplugin-fixture.ts", import.meta.url)) });
  hostProgram = await bundles.bundle("host", { file: fileURLToPath(new URL("./goplugin-host.ts", import.meta.url)) });
});
afterAll(async () => {
  await bundles[Symbol.asyncDispose]();
});

interface Loaded extends AsyncDisposable {
  plugin: HostedPlugin;
  logs: PluginLogRecord[];
  metrics: RecordedMetric[];
  sockets: string;
}

let sequence = 0;

async function load(options: Partial<HostPluginOptions> = {}): Promise<Loaded> {
  const logs: PluginLogRecord[] = [];
  const metrics: RecordedMetric[] = [];
  const sockets = join(bundles.path, `s${sequence++}`);
  mkdirSync(sockets);
  const plugin = await hostPlugin({
    command: fixture,
    type: "NodeAttestor",
    name: "fixture",
    trustDomain: "example.org",
    hclConfiguration: "first",
    env: { ...process.env, TMPDIR: sockets },
    hostServices: {
      metrics: (metric) => metrics.push(metric),
      agentStore: async (agentId) => (agentId === "spiffe://example.org/known" ? { agentId } : undefined),
    },
    onLog: (record) => logs.push(record),
    ...options,
  });
  await plugin.configure();
  return { plugin, logs, metrics, sockets, [Symbol.asyncDispose]: async () => plugin.kill() };
}

/** One attestation; a challenge is answered with itself. Returns the one selector value. */
async function act(plugin: HostedPlugin, payload: string): Promise<string | undefined> {
  const stream = plugin.attestServer({ timeoutMs: 20_000 });
  try {
    await stream.send({ payload: Buffer.from(payload) });
    for (;;) {
      const response = await stream.receive();
      if (response?.challenge === undefined) return response?.agentAttributes?.selectorValues[0];
      await stream.send({ challengeResponse: response.challenge });
    }
  } finally {
    stream.finish();
  }
}

describe("a plugin process", () => {
  it("answers thousands of calls that the host finishes once it has its answer", async () => {
    await using loaded = await load();
    const { plugin } = loaded;
    const answers = new Map<string, number>();
    let left = 3000;
    const worker = async () => {
      while (left-- > 0) {
        const answer = await act(plugin, "challenge again").catch((error) => String(error));
        answers.set(String(answer), (answers.get(String(answer)) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    expect([...answers]).toEqual([["again", 3000]]);
  });

  it("lives the whole life of a SPIRE plugin and leaves nothing behind", async () => {
    await using loaded = await load();
    const { plugin, logs, sockets } = loaded;
    expect(plugin.pluginServiceNames).toEqual([
      "spire.plugin.server.nodeattestor.v1.NodeAttestor",
      "spire.service.common.config.v1.Config",
    ]);
    expect(await act(plugin, "config")).toBe("example.org first");
    await plugin.configure("second");
    expect(await act(plugin, "config")).toBe("example.org second");
    await expect(plugin.configure("refuse")).rejects.toMatchObject({
      code: StatusCode.INVALID_ARGUMENT,
      message: "refused as asked",
    });
    expect(await act(plugin, "config")).toBe("example.org second");
    expect(await plugin.validate("refuse")).toEqual({ valid: false, notes: ["refused as asked"] });
    expect(await plugin.validate("fine")).toEqual({ valid: true, notes: [] });
    expect(await act(plugin, "challenge abc")).toBe("abc");
    await expect(act(plugin, "deny no entry")).rejects.toMatchObject({
      code: StatusCode.PERMISSION_DENIED,
      message: "no entry",
    });
    await expect(act(plugin, "throw")).rejects.toMatchObject({
      code: StatusCode.INTERNAL,
      message: "boom on two lines",
    });
    expect(await plugin.close()).toEqual({ exit: { code: 0, signal: null }, graceful: true });
    expect(readdirSync(sockets)).toEqual([]);
    expect(logs.map(({ level, message }) => `${level} ${message}`)).toEqual([
      "error call failed inside the plugin",
      "info unloaded",
    ]);
  });

  it("answers attestations while it is configured again and again", async () => {
    await using loaded = await load();
    const { plugin } = loaded;
    const values = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        await Promise.all([
          plugin.configure(`n${i}`),
          act(plugin, `challenge ${i}`).then((value) => expect(value).toBe(`${i}`)),
        ]);
        return await act(plugin, "config");
      }),
    );
    for (const value of values) expect(value).toMatch(/^example\.org n\d+$/);
    expect((await plugin.close()).exit.code).toBe(0);
  });

  it("outlives what nobody catches, and logs it", async () => {
    await using loaded = await load();
    expect(await act(loaded.plugin, "uncaught")).toBe("alive");
    expect((await loaded.plugin.close()).exit.code).toBe(0);
    expect(loaded.logs.map(({ level, message, fields }) => [level, message, fields.error]).sort()).toEqual([
      ["error", "uncaught exception", "thrown where nobody catches"],
      ["error", "unhandled rejection", "rejected where nobody catches"],
      ["info", "unloaded", undefined],
    ]);
  });

  it("turns what others print into log lines no host can stumble over", async () => {
    await using loaded = await load();
    expect(await act(loaded.plugin, "print")).toBe("printed");
    await loaded.plugin.close();
    expect(loaded.logs.filter(({ panicsGoHost }) => panicsGoHost !== undefined)).toEqual([]);
    expect(loaded.logs.map(({ level, message, fields }) => [level, message, fields.stream])).toEqual([
      ["debug", "1|1|unix|/nowhere|grpc|", "stdout"],
      ["debug", '{"@level":7,"@message":null}', "stdout"],
      ["debug", '{"@level":7,"@message":null}', "stderr"],
      ["debug", expect.stringContaining("a warning of Node"), "stderr"],
      ["debug", expect.stringContaining("--trace-warnings"), "stderr"],
      ["info", "unloaded", undefined],
    ]);
  });

  it("cuts a log line before 64 KiB and stays bounded in a flood", async () => {
    await using loaded = await load();
    expect(await act(loaded.plugin, "long-log 300000")).toBe("logged");
    expect(await act(loaded.plugin, "flood-log 2000")).toBe("true");
    await act(loaded.plugin, "challenge x");
    await loaded.plugin.close();
    const [long, ...flood] = loaded.logs;
    expect(long).toMatchObject({ level: "info", message: "long" });
    expect(String(long!.fields.text)).toMatch(/^x+… \(\d+ characters cut\)$/);
    const dropped = flood.map(({ fields }) => Number(fields.dropped_lines ?? 0)).reduce((sum, count) => sum + count, 0);
    expect(dropped + flood.filter(({ message }) => message === "flood").length).toBe(2000);
  });

  it("reports metrics and asks the host's agent store over the connection the broker names", async () => {
    await using loaded = await load();
    const { plugin, metrics } = loaded;
    expect(await act(plugin, "metrics")).toBe("sent");
    await vi.waitFor(() => expect(metrics).toHaveLength(3));
    expect(metrics.sort((a, b) => a.kind.localeCompare(b.kind))).toEqual([
      { kind: "counter", key: ["counter", "two"], value: 2, labels: { outcome: "ok" } },
      { kind: "gauge", key: ["gauge"], value: 1.5, labels: {} },
      { kind: "measure", key: ["measure"], value: 1_700_000_000_000, labels: {} },
    ]);
    expect(await act(plugin, "agent spiffe://example.org/known")).toBe("spiffe://example.org/known");
    await expect(act(plugin, "agent x")).rejects.toMatchObject({
      code: StatusCode.NOT_FOUND,
      message: "no such agent",
    });
    expect((await plugin.close()).exit.code).toBe(0);
  });

  it("does without host services", async () => {
    await using loaded = await load({ hostServices: {} });
    expect(await act(loaded.plugin, "metrics")).toBe("sent");
    await expect(act(loaded.plugin, "agent x")).rejects.toMatchObject({ code: StatusCode.UNIMPLEMENTED });
    expect((await loaded.plugin.close()).exit.code).toBe(0);
  });

  it("tells a handler when its call is cancelled", async () => {
    await using loaded = await load();
    const stream = loaded.plugin.attestServer();
    await stream.send({ payload: Buffer.from("wait") });
    await act(loaded.plugin, "challenge x");
    stream.cancel();
    await vi.waitFor(() => expect(loaded.logs.map(({ message }) => message)).toContain("call cancelled"));
    expect((await loaded.plugin.close()).exit.code).toBe(0);
  });

  it("removes the socket a killed plugin left", async () => {
    await using killed = await load();
    killed.plugin.kill();
    await killed.plugin.exited;
    expect(readdirSync(killed.sockets)).toHaveLength(2);
    await using next = await load({ env: { ...process.env, TMPDIR: killed.sockets } });
    await vi.waitFor(() => expect(readdirSync(killed.sockets).join()).not.toContain(`plugin-n${killed.plugin.pid}-`));
    expect(await act(next.plugin, "challenge x")).toBe("x");
  });

  it.each([
    ["a long TMPDIR", { TMPDIR: `/tmp/${"x".repeat(100)}` }, /the path has 1\d\d bytes, a UNIX socket takes 107/],
    ["a directory that does not exist", { TMPDIR: "/nowhere" }, /no such file|ENOENT|EACCES/],
  ])("says why it does not start with %s", async (_name, env, why) => {
    const logs: PluginLogRecord[] = [];
    await expect(load({ env: { ...process.env, ...env }, onLog: (record) => logs.push(record) })).rejects.toMatchObject(
      {
        code: "plugin-start",
      },
    );
    expect(logs).toEqual([{ level: "error", message: expect.stringMatching(why), fields: {} }]);
  });

  it("explains itself to a person who starts it, and ends with 1", async () => {
    const error = await promisify(execFile)(fixture, { env: { PATH: process.env.PATH } }).catch((thrown) => thrown);
    expect([error.code, error.stdout]).toEqual([1, ""]);
    expect(error.stderr).toMatch(/^\[ERROR\] \[plugin-not-hosted\] this program is a plugin that its host starts/);
  });
});

describe("a plugin and its host in one process group", () => {
  it("survives SIGTERM to the group in life and at unload, and ends with 0", async () => {
    await using host = await startHost();
    process.kill(-host.child.pid!, "SIGTERM");
    expect(await host.ask("config")).toEqual(["example.org x"]);
    process.kill(-host.child.pid!, "SIGTERM");
    const closed = host.ask("close");
    process.kill(-host.child.pid!, "SIGTERM");
    expect(await closed).toEqual({ exit: { code: 0, signal: null }, graceful: true });
  });

  it("is not stopped or opened for debugging by the signals of a reload", async () => {
    await using host = await startHost();
    for (const signal of ["SIGUSR1", "SIGUSR2", "SIGHUP", "SIGINT"] as const) process.kill(host.pluginPid, signal);
    expect(await host.ask("config")).toEqual(["example.org x"]);
    expect(await host.ask("close")).toEqual({ exit: { code: 0, signal: null }, graceful: true });
    expect(host.stderr()).not.toContain("Debugger listening");
  });

  it("is gone soon after its host was killed", async () => {
    await using host = await startHost();
    host.child.kill("SIGKILL");
    await vi.waitFor(() => expect(isRunning(host.pluginPid)).toBe(false), { timeout: 10_000, interval: 50 });
  });
});

async function startHost() {
  // A process group of its own, as a systemd unit is.
  const child: ChildProcess = spawn(hostProgram, [fixture], { detached: true, stdio: ["pipe", "pipe", "pipe"] });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  let stderr = "";
  child.stderr!.on("data", (chunk) => {
    stderr += chunk;
  });
  const next = async () => JSON.parse((await lines.next()).value as string);
  const { pid } = await next();
  return {
    child,
    pluginPid: pid as number,
    stderr: () => stderr,
    ask: (line: string) => {
      child.stdin!.write(`${line}\n`);
      return next();
    },
    [Symbol.asyncDispose]: async () => void child.kill("SIGKILL"),
  };
}

// A killed process that nobody has waited for is a zombie: dead, but signal 0 still finds it.
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

describe("docs/write-a-plugin.md", () => {
  it("shows a plugin that compiles, admits who knows the word and refuses the others", async () => {
    const page = readFileSync(join(projectRoot, "docs/write-a-plugin.md"), "utf8");
    const [, text] = /```ts\n(\/\/ word-attestor\.ts\n.*?)```/s.exec(page)!;
    const command = await bundles.bundle("word-attestor", { text: text! });
    await using loaded = await load({ command, hclConfiguration: 'word = "sesame"\n' });
    const { plugin, metrics } = loaded;
    const attestWith = async (word: string) => {
      const stream = plugin.attestServer();
      await stream.send({ payload: Buffer.from("host-1") });
      const challenge = (await stream.receive())!.challenge!;
      await stream.send({ challengeResponse: createHmac("sha256", word).update(challenge).digest() });
      return (await stream.receive())?.agentAttributes;
    };
    expect(await attestWith("sesame")).toEqual({
      spiffeId: "spiffe://example.org/spire/agent/word/host-1",
      selectorValues: ["name:host-1"],
      canReattest: true,
    });
    await expect(attestWith("barley")).rejects.toMatchObject({ code: StatusCode.PERMISSION_DENIED });
    await expect(plugin.configure("")).rejects.toMatchObject({ code: StatusCode.INVALID_ARGUMENT });
    await vi.waitFor(() =>
      expect(metrics).toMatchObject([{ kind: "measure", key: ["attest"], labels: { outcome: "admitted" } }]),
    );
    expect((await plugin.close()).exit).toEqual({ code: 0, signal: null });
  });
});
