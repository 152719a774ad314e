import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { relayAttestation } from "../../src/rehearse/relay.js";
import { encodePayload } from "../../src/spire/exchange.js";
import { type KeylimeWorld, startKeylimeWorld } from "../fakes/keylime-world.js";
import { misbehaviours, startMisbehavingServer } from "../fakes/misbehaving-server.js";
import { builtExecutable } from "../support/built-executable.js";
import { freePort } from "../support/free-port.js";
import { until } from "../support/until.js";
import { type BundleDirectory, createBundleDirectory } from "./bundle-plugin.js";
import { badLines, type LoadedHalf, loadHalf } from "./plugin-halves.js";

let world: KeylimeWorld;
let bundles: BundleDirectory;
let hostProgram: string;
const loaded: LoadedHalf[] = [];

beforeAll(async () => {
  world = await startKeylimeWorld();
  bundles = await createBundleDirectory();
  hostProgram = await bundles.bundle("host", {
    file: fileURLToPath(new URL("./plugin-pair-host.ts", import.meta.url)),
  });
});
afterEach(async () => {
  for (const half of loaded.splice(0)) await half[Symbol.asyncDispose]();
});
afterAll(async () => {
  await bundles[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

async function load(half: "server" | "agent", changes: Parameters<KeylimeWorld["serverData"]>[0] = {}) {
  const data = half === "server" ? world.serverData(changes) : world.agentData(changes);
  const each = await loadHalf(half, { data, directory: world.directory.path });
  loaded.push(each);
  return each;
}

/** What SPIRE would find wrong with how a half ended. */
async function complaintsOf(half: LoadedHalf): Promise<unknown> {
  const { complaint } = await half.running.unload();
  return { complaint, exit: await half.plugin.exited, bad: badLines(half.logs), left: readdirSync(half.sockets) };
}

const nothing = { complaint: undefined, exit: { code: 0, signal: null }, bad: [], left: [] };

it.each(["server", "agent"])("the %s half started by hand says what it is and what to do instead", (half) => {
  const { status, stdout, stderr } = spawnSync(builtExecutable(), ["plugin", half], { encoding: "utf8" });
  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: "",
    stderr: `[ERROR] [plugin-not-hosted] this program is a plugin that its host starts, not a person: the environment variable NodeAttestor is not set, expected "NodeAttestor"; put what \`spire-keylime plugin block ${half}\` prints into plugins { } of ${half}.conf; \`spire-keylime rehearse\` attests without SPIRE\n`,
  });
});

it("started by SPIRE with other arguments it says which it needs, in a form that SPIRE logs as an error", () => {
  const env = { ...process.env, NodeAttestor: "NodeAttestor" };
  const starts = [[], ["plugin"], ["plugin", "sever"]].map((args) => {
    const { status, stdout, stderr } = spawnSync(builtExecutable(), args, { encoding: "utf8", env });
    return [status, stdout, stderr.split("\n").filter((line) => line.startsWith("[ERROR]"))];
  });
  const told = (found: string) => [
    2,
    "",
    [
      `[ERROR] [plugin-args] cannot serve SPIRE: it was started with ${found}; set plugin_args = ["plugin", "server"] in server.conf, ["plugin", "agent"] in agent.conf`,
    ],
  ];
  expect(starts).toEqual([
    told("no plugin_args"),
    told('plugin_args ["plugin"]'),
    told('plugin_args ["plugin","sever"]'),
  ]);
});

describe("unloading", () => {
  it("ends both halves with exit code 0 after an attestation, and leaves nothing behind", async () => {
    const [server, agent] = await Promise.all([load("server"), load("agent")]);
    const { result } = await relayAttestation({
      server: server.running,
      agent: agent.running,
      timeoutMs: 20_000,
      keepMessages: false,
    });
    expect(result?.spiffeId).toContain(world.agentId);
    const facts = [server, agent].map((half) => ({
      start_ms: Math.round(half.running.startUntilConfiguredMs),
      resident_mb: Math.round(half.residentMb()),
    }));
    expect([await complaintsOf(server), await complaintsOf(agent)]).toEqual([nothing, nothing]);
    // For a look, not for a judgement: the bench measures these on a quiet machine.
    process.stderr.write(`server and agent half: ${JSON.stringify(facts)}\n`);
  });

  it("ends a half whose new configuration was refused", async () => {
    const server = await load("server");
    await expect(server.plugin.configure("nonsense = 1")).rejects.toThrow("plugin-unknown-key");
    expect(await complaintsOf(server)).toEqual(nothing);
  });

  it("ends the server half while attestations wait for their nodes and for a verifier that hangs", async () => {
    await using hanging = await startMisbehavingServer({ onRequest: misbehaviours["says nothing"] });
    const server = await load("server", { keylime_verifier_port: String(hanging.port) });
    const payload = encodePayload({ agentId: world.agentId, hashAlg: "sha256" });
    const streams = Array.from({ length: 8 }, () => server.plugin.attestServer());
    for (const stream of streams) await stream.send({ payload });
    for (const stream of streams) await stream.receive();
    const ends = streams.map((stream) => stream.receive().then(String, ({ code }) => code));
    expect(await complaintsOf(server)).toEqual(nothing);
    // CANCELLED or UNAVAILABLE, as the connection goes.
    for (const code of await Promise.all(ends)) expect([1, 14]).toContain(code);
  });

  it("ends the agent half while it waits for a Keylime agent that does not start", async () => {
    const agent = await load("agent", { keylime_agent_port: String(await freePort()) });
    const stream = agent.plugin.aidAttestation();
    const end = stream.receive().then(String, ({ code }) => code);
    await until(() => agent.logs.some(({ message }) => message === "Waiting for the Keylime agent"), {
      what: "the half to wait",
    });
    expect(await complaintsOf(agent)).toEqual(nothing);
    expect([1, 14]).toContain(await end);
  });

  it("ends the agent half when SPIRE has given up on an attestation before", async () => {
    const agent = await load("agent", { keylime_agent_port: String(await freePort()) });
    const stream = agent.plugin.aidAttestation();
    const end = stream.receive().then(String, ({ code }) => code);
    await until(() => agent.logs.length > 1, { what: "the half to wait" });
    stream.cancel();
    await end;
    expect(await complaintsOf(agent)).toEqual(nothing);
  });
});

describe("SIGTERM to the whole process group", () => {
  it.each([
    ["before the unload", ["term", "close"]],
    ["during the unload", ["close-and-term"]],
    ["before, during and again", ["term", "term", "close-and-term"]],
  ])("%s ends both halves with exit code 0, with attestations in flight", async (_name, orders) => {
    await using host = await startHost();
    await host.order("fly");
    let ends: unknown;
    for (const order of orders) {
      if (order === "term") process.kill(-host.child.pid!, "SIGTERM");
      else if (order === "close") ends = await host.order("close");
      else {
        const closing = host.order("close");
        for (let i = 0; i < 20; i++) {
          process.kill(-host.child.pid!, "SIGTERM");
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        ends = await closing;
      }
    }
    const clean = { exit: { code: 0, signal: null }, graceful: true, errors: [] };
    expect(ends).toEqual({ server: clean, agent: clean });
  });
});

/** A host in a process group of its own with both halves in it, as a systemd unit has them. */
async function startHost() {
  const order = {
    command: builtExecutable(),
    serverData: world.serverData(),
    agentData: world.agentData(),
    agentId: world.agentId,
  };
  const child: ChildProcess = spawn(hostProgram, [JSON.stringify(order)], {
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, TMPDIR: world.directory.path },
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value as string) as unknown;
  expect(await next()).toBe("loaded");
  return {
    child,
    order: (name: string) => {
      child.stdin!.write(`${name}\n`);
      return next();
    },
    [Symbol.asyncDispose]: async () => void child.kill("SIGKILL"),
  };
}
