import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HealthCheckResponse_ServingStatus, HealthService } from "../gen/grpc/health/v1/health.js";
import { GRPCControllerService } from "../gen/plugin/grpc_controller.js";
import { parseHandshakeLine } from "./handshake-line.js";
import { HostBroker } from "./host-broker.js";
import type { PluginBroker } from "./plugin-broker.js";
import type { PluginProcess } from "./plugin-process.js";
import { removeStaleSockets } from "./plugin-socket.js";
import { type GoPluginEnd, type GoPluginOptions, serveGoPlugin } from "./serve.js";
import { callUnary, dialService } from "./service-client.js";
import { StatusCode } from "./status-error.js";

const cookie = { key: "NodeAttestor", value: "NodeAttestor" };

/** A process under the test's control. */
class TestProcess implements PluginProcess {
  env: NodeJS.ProcessEnv;
  ppid = 100;
  readonly lines: string[] = [];
  readonly explained: string[] = [];
  released = false;
  signal: (name: string) => void = () => {};

  constructor(env: NodeJS.ProcessEnv) {
    this.env = env;
  }
  parentPid = () => this.ppid;
  writeHandshake = (line: string) => void this.lines.push(line);
  explain = (text: string) => void this.explained.push(text);
  onSignal = (listener: (name: string) => void) => {
    this.signal = listener;
  };
  release = async () => {
    this.released = true;
  };
}

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "serve-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function started(options: Partial<GoPluginOptions> = {}) {
  const plugin = new TestProcess({ NodeAttestor: "NodeAttestor", PLUGIN_UNIX_SOCKET_DIR: directory });
  let broker!: PluginBroker;
  const ended = serveGoPlugin({
    cookie,
    services: (given) => {
      broker = given;
      return [];
    },
    process: plugin,
    hostGoneAfterMs: 20,
    ...options,
  });
  await vi.waitFor(() => expect(plugin.lines).toHaveLength(1));
  const { address } = parseHandshakeLine(plugin.lines[0]!, [1]);
  const client = dialService(`unix:${address}`, 1024 * 1024);
  return { plugin, ended, broker, address, client };
}

async function isPending(ended: Promise<GoPluginEnd>): Promise<boolean> {
  const late = new Promise<"late">((resolve) => setTimeout(() => resolve("late"), 80));
  return (await Promise.race([ended, late])) === "late";
}

describe("serveGoPlugin", () => {
  it("serves health under the name plugin on a socket that is its owner's alone, and ends with 0 on Shutdown", async () => {
    const { plugin, ended, address, client } = await started();
    expect(statSync(address).mode & 0o777).toBe(0o600);
    expect(await callUnary(client, HealthService.check, { service: "plugin" })).toEqual({
      status: HealthCheckResponse_ServingStatus.SERVING,
    });
    await expect(callUnary(client, HealthService.check, { service: "x" })).rejects.toMatchObject({
      code: StatusCode.NOT_FOUND,
    });
    await callUnary(client, GRPCControllerService.shutdown, {});
    client.close();
    expect(await ended).toEqual({ exitCode: 0, reason: "shut down by the host" });
    expect(existsSync(address)).toBe(false);
    expect(plugin.released).toBe(true);
  });

  it("ends after Shutdown although the host keeps the connection", async () => {
    const { ended, client } = await started();
    await callUnary(client, GRPCControllerService.shutdown, {});
    expect(await ended).toEqual({ exitCode: 0, reason: "shut down by the host" });
    client.close();
  });

  it("ignores signals while a host is connected, and ends with 0 when the host closes the connection", async () => {
    const { plugin, ended, client } = await started();
    await callUnary(client, HealthService.check, { service: "plugin" });
    plugin.signal("SIGTERM");
    plugin.ppid = 1;
    expect(await isPending(ended)).toBe(true);
    client.close();
    expect((await ended).exitCode).toBe(0);
  });

  it("ends with 0 on a signal as long as no host is connected", async () => {
    const { plugin, ended, client } = await started();
    client.close();
    plugin.signal("SIGTERM");
    expect(await ended).toEqual({ exitCode: 0, reason: "signal SIGTERM without a host" });
  });

  it("ends with 0 when the host dies before it connects", async () => {
    const { plugin, ended, client } = await started();
    client.close();
    plugin.ppid = 1;
    expect(await ended).toEqual({ exitCode: 0, reason: "the host process is gone" });
  });

  it("learns the host's addresses in any order and gives up after the time limit", async () => {
    const { broker, ended, client } = await started();
    await expect(broker.target(3, 10)).rejects.toMatchObject({ code: "plugin-broker-timeout" });
    const early = broker.target(2);
    const host = new HostBroker(client, { directory });
    await host.offer(1, []);
    await host.offer(2, []);
    expect([await early, await broker.target(1)]).toEqual([
      expect.stringContaining(`unix:${directory}/plugin-n`),
      expect.stringContaining(`unix:${directory}/plugin-n`),
    ]);
    host.close();
    host.stopServing();
    client.close();
    await ended;
  });

  it("lives through garbage on its socket", async () => {
    const { ended, address, client } = await started();
    await callUnary(client, HealthService.check, { service: "plugin" });
    for (const garbage of [
      "",
      "GET / HTTP/1.1\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff",
      "\0".repeat(70_000),
    ]) {
      await new Promise<void>((resolve) => {
        const socket = connect(address, () => socket.end(garbage, "latin1"));
        socket.on("error", () => {});
        socket.on("close", () => resolve());
        socket.setTimeout(200, () => socket.destroy());
      });
    }
    expect(await callUnary(client, HealthService.check, { service: "plugin" })).toBeDefined();
    client.close();
    expect((await ended).exitCode).toBe(0);
  });

  it.each([
    [
      {},
      "[plugin-not-hosted] this program is a plugin that its host starts, not a person: the environment variable NodeAttestor is not set",
    ],
    [
      { NodeAttestor: "KeyManager" },
      '[plugin-not-hosted] this program is a plugin that its host starts, not a person: the environment variable NodeAttestor is "KeyManager"',
    ],
    [
      { NodeAttestor: "NodeAttestor", PLUGIN_CLIENT_CERT: "x" },
      "[plugin-auto-mtls] cannot serve the host: it asks for AutoMTLS",
    ],
    [{ NodeAttestor: "NodeAttestor", TMPDIR: `/tmp/${"x".repeat(100)}` }, "[plugin-socket] cannot listen on socket"],
    [{ NodeAttestor: "NodeAttestor", TMPDIR: "/nowhere" }, "[plugin-socket] cannot listen on socket"],
    [
      { NodeAttestor: "NodeAttestor", PLUGIN_UNIX_SOCKET_GROUP: "no-such-group" },
      "[plugin-socket] cannot listen on socket",
    ],
  ])("says why it does not serve with %o, and ends with 1", async (env, why) => {
    const plugin = new TestProcess(env);
    const end = await serveGoPlugin({ cookie, services: () => [], process: plugin });
    expect([end.exitCode, plugin.lines, plugin.explained, plugin.released]).toEqual([1, [], [end.reason], true]);
    expect(end.reason.startsWith(why)).toBe(true);
  });

  it("counts the bytes of a path that is too long", async () => {
    const plugin = new TestProcess({ NodeAttestor: "NodeAttestor", TMPDIR: `/${"ü".repeat(50)}` });
    const { reason } = await serveGoPlugin({ cookie, services: () => [], process: plugin });
    expect(reason).toMatch(/: the path has 1\d\d bytes, a UNIX socket takes 107; set a shorter TMPDIR$/);
  });

  it("gives the socket to the group the host names", async () => {
    const gid = process.getgid!();
    const plugin = new TestProcess({
      NodeAttestor: "NodeAttestor",
      TMPDIR: directory,
      PLUGIN_UNIX_SOCKET_GROUP: String(gid),
    });
    const ended = serveGoPlugin({ cookie, services: () => [], process: plugin });
    await vi.waitFor(() => expect(plugin.lines).toHaveLength(1));
    const { gid: found, mode } = statSync(parseHandshakeLine(plugin.lines[0]!, [1]).address);
    expect([found, mode & 0o777]).toEqual([gid, 0o660]);
    plugin.signal("SIGINT");
    await ended;
  });
});

describe("removeStaleSockets", () => {
  const deadPid = 4_194_305; // above what Linux gives out

  it("removes only sockets of dead plugins that nobody answers", async () => {
    const names = {
      dead: `plugin-n${deadPid}-0123456789ab`,
      answered: `plugin-n${deadPid}-ba9876543210`,
      living: `plugin-n${process.pid}-0123456789ab`,
      file: `plugin-n${deadPid}-111111111111`,
      other: "plugin123",
    };
    await leaveSocket(join(directory, names.dead));
    await leaveSocket(join(directory, names.living));
    await leaveSocket(join(directory, names.other));
    writeFileSync(join(directory, names.file), "");
    mkdirSync(join(directory, `plugin-n${deadPid}-222222222222`));
    const answering = createServer().listen(join(directory, names.answered));
    expect(await removeStaleSockets(directory)).toBe(1);
    expect(readdirSync(directory)).not.toContain(names.dead);
    expect(readdirSync(directory)).toHaveLength(5);
    answering.close();
  });

  it("does nothing in a directory that does not exist", async () => {
    expect(await removeStaleSockets("/nowhere")).toBe(0);
  });
});

/** A socket file without a listener, as a killed process leaves it: the file is moved away before the listener unlinks it. */
async function leaveSocket(path: string): Promise<void> {
  const { renameSync } = await import("node:fs");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}~`, resolve));
  renameSync(`${path}~`, path);
  await new Promise((resolve) => server.close(resolve));
}
