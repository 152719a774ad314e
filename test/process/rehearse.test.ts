import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startWorld, type World } from "../../bench/world.js";
import { runCli } from "../../src/cli/main.js";
import { faults } from "../../src/faults/faults.js";
import { StatusCode } from "../../src/goplugin/status-error.js";
import { type HalfName, startHalf } from "../../src/rehearse/half.js";
import { rehearse } from "../../src/rehearse/rehearse.js";
import { rehearseReport } from "../../src/rehearse/report-schema.js";
import { until } from "../support/until.js";
import { type BundleDirectory, createBundleDirectory } from "./bundle-plugin.js";
import { startExecutable } from "./run-executable.js";

let bundles: BundleDirectory;
let fixture: string;
let executable: string;
let world: World;

/** What the executable runs when SPIRE starts it. */
const pair = `
  import { runAgentPlugin } from "./src/plugin/agent/main.js";
  import { runServerPlugin } from "./src/plugin/server/main.js";
  void (process.argv[3] === "server" ? runServerPlugin() : runAgentPlugin()).then((code) => process.exit(code));
`;

beforeAll(async () => {
  bundles = await createBundleDirectory();
  fixture = await bundles.bundle("fixture", { file: fileURLToPath(new URL("./rehearse-fixture.ts", import.meta.url)) });
  executable = await bundles.bundle("spire-keylime", { text: pair });
  world = await startWorld(join(bundles.path, "world"), { isReal: false, keyType: "p256", quoteIntervalMs: 500 });
});
afterAll(async () => {
  await world?.stop();
  await bundles?.[Symbol.asyncDispose]();
});

const half = (name: HalfName, data = "") => ({ name: "fixture", command: fixture, args: [name], data });
const run = (serverData: string, agentData: string, more: object = {}) =>
  rehearse({ server: half("server", serverData), agent: half("agent", agentData), timeoutMs: 20_000, ...more });

interface CliRun {
  code: number;
  out: string;
  err: string;
}

async function cli(args: string[], interrupted = new AbortController().signal): Promise<CliRun> {
  const text = { out: "", err: "" };
  const code = await runCli(["rehearse", ...args], {
    out: (piece) => {
      text.out += piece;
    },
    err: (piece) => {
      text.err += piece;
    },
    colour: false,
    env: {},
    interrupted,
  });
  return { code, ...text };
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe("rehearse", () => {
  it("attests through two executables and tells each message without a secret", async () => {
    const rehearsal = await run("", "");
    const steps = rehearsal.first?.messages?.map(({ step, from, facts }) => ({ step, from, facts }));
    expect(steps).toEqual([
      { step: "payload", from: "agent", facts: { agent_id: "agent-1", hash_alg: "sha256" } },
      { step: "challenge", from: "server", facts: { nonce_length: 11 } },
      {
        step: "challenge_response",
        from: "agent",
        facts: { quote_length: 11, quote_form: "not the form r<attest>:<signature>:<pcrs>" },
      },
      {
        step: "result",
        from: "server",
        facts: {
          spiffe_id: "spiffe://example.org/spire/agent/fixture/1",
          selectors: ["fixture:a:1", 'fixture:"b\\n2"'],
          can_reattest: true,
        },
      },
    ]);
    expect(JSON.stringify(rehearsal)).not.toMatch(/SECRET/);
    expect(rehearsal.halves.server.complaint).toBeUndefined();
    expect(rehearsal.halves.agent.complaint).toBeUndefined();
  });

  it("takes a server half that asks no challenge", async () => {
    const { first } = await run("quick", "");
    expect(first?.messages?.map(({ step }) => step)).toEqual(["payload", "result"]);
  });

  it("runs as many as asked, as many at a time as asked", async () => {
    const seen: number[] = [];
    const { attestations, failures } = await run("", "", {
      count: 40,
      inFlight: 8,
      onProgress: (n: number) => seen.push(n),
    });
    expect([attestations.length, failures, seen]).toEqual([40, [], Array.from({ length: 40 }, (_, i) => i + 1)]);
  });

  it.each([
    ["deny", "", "server", "challenge", "PERMISSION_DENIED", /^\[quote-refused\] the quote was refused$/],
    ["stop", "", "server", "challenge", "INTERNAL", /^plugin closed stream unexpectedly$/],
    ["anonymous", "", "server", "result", "INTERNAL", /^plugin response missing agent ID$/],
    ["", "mute", "agent", "payload", "INTERNAL", /^plugin response missing attestation payload$/],
    ["", "deny", "agent", "challenge_response", "PERMISSION_DENIED", /quote was refused/],
    ["die", "", "server", "challenge", "UNAVAILABLE", /the server plugin's process has ended with SIGABRT$/],
    ["", "die", "agent", "challenge_response", "UNAVAILABLE", /the agent plugin's process has ended with SIGABRT$/],
  ])(
    "says which half failed, at what, and how: server %j, agent %j",
    async (server, agent, name, step, code, message) => {
      const { failures } = await run(server, agent);
      const told = failures.map((failure) => ({ ...failure, code: StatusCode[failure.code] }));
      expect(told).toEqual([
        expect.objectContaining({ half: name, step, code, message: expect.stringMatching(message), count: 1 }),
      ]);
    },
  );

  it("says what SPIRE says of a half that ends before it is sent the next message, and what the half itself said", async () => {
    const { failures } = await run("early", "late");
    expect(failures).toEqual([
      {
        half: "server",
        step: "result",
        code: StatusCode.INTERNAL,
        message: "plugin closed stream unexpectedly",
        unheard: { code: StatusCode.PERMISSION_DENIED, message: "[agent-failed] it failed" },
        count: 1,
        nextStep: faults["agent-failed"].advice,
      },
    ]);
    const other = await run("late", "early");
    expect(other.failures).toMatchObject([
      {
        half: "agent",
        step: "challenge_response",
        code: StatusCode.INTERNAL,
        message: "plugin closed stream before handling the challenge",
        unheard: { code: StatusCode.UNAVAILABLE, message: "no TPM" },
      },
    ]);
  });

  it("tells a half that hangs by the time it was given", async () => {
    const { failures } = await run("hang", "", { timeoutMs: 300, count: 2, inFlight: 2 });
    expect(failures).toMatchObject([
      { half: "server", step: "challenge", message: "no answer within 300 ms of the attestation's start", count: 2 },
    ]);
  });

  it("stops when a half is dead, since SPIRE never restarts it", async () => {
    const { attestations, stoppedBecause } = await run("die", "", { count: 100 });
    expect(attestations).toHaveLength(1);
    expect(stoppedBecause).toMatch(/^the server plugin's process has ended with SIGABRT/);
  });

  it("stops and unloads when it is interrupted", async () => {
    const interrupt = new AbortController();
    const { isInterrupted, attestations, failures } = await run("hang", "", {
      count: 1000,
      signal: interrupt.signal,
      onLog: (name: string, { message }: { message: string }) => {
        if (name === "agent" && message === "Configured") setTimeout(() => interrupt.abort(), 200);
      },
    });
    expect({ isInterrupted, attestations, failures }).toEqual({ isInterrupted: true, attestations: [], failures: [] });
  });

  it.each([
    ["refuse", "the server half refused its configuration: INVALID_ARGUMENT: no such setting"],
    ["slow", "the server half refused its configuration: no answer to Configure within 1500 ms"],
  ])("says why a half does not configure: %s", async (data, message) => {
    await expect(run(data, "", { startTimeoutMs: 1500 })).rejects.toMatchObject({ code: "plugin-configure", message });
  });

  it("can be interrupted while a half starts", async () => {
    const interrupt = new AbortController();
    setTimeout(() => interrupt.abort(), 30);
    await expect(run("slow", "", { signal: interrupt.signal })).rejects.toMatchObject({ code: "interrupted" });
  });

  it("leaves no process behind when the second half does not start", async () => {
    const pids: number[] = [];
    const limits = { trustDomain: "example.org", startTimeoutMs: 10_000, onLog: () => {} };
    const running = await startHalf("server", half("server"), limits);
    pids.push(running.plugin.pid);
    await running.unload();
    await expect(run("", "refuse")).rejects.toMatchObject({
      message: expect.stringMatching(/^the agent half refused/),
    });
    await until(() => pids.every((pid) => !isAlive(pid)), { what: "the plugins to end" });
  });
});

describe("spire-keylime rehearse", () => {
  const plugins = (server = "", agent = "") => [
    "--name",
    "fixture",
    ...["--server-plugin", fixture, "server", "--agent-plugin", fixture, "agent"],
    ...(server === "" ? [] : ["--server-data", join(bundles.path, `${server}.hcl`)]),
    ...(agent === "" ? [] : ["--agent-data", join(bundles.path, `${agent}.hcl`)]),
  ];

  beforeAll(async () => {
    for (const word of ["deny", "warn", "refuse"]) await writeFile(join(bundles.path, `${word}.hcl`), word);
  });

  it("reads executables, checksum, plugin_data and trust domain from SPIRE's files", async () => {
    const checksum = createHash("sha256")
      .update(await readFile(executable))
      .digest("hex");
    const conf = (name: "server" | "agent", data: string) =>
      `${name} {\n  trust_domain = "example.org"\n}\nplugins {\n  NodeAttestor "keylime" {\n    plugin_cmd = "${executable}"\n    plugin_args = ["plugin", "${name}"]\n    plugin_checksum = "${checksum}"\n    plugin_data {\n${data}    }\n  }\n}\n`;
    const [server, agent] = [join(bundles.path, "server.conf"), join(bundles.path, "agent.conf")];
    await writeFile(server, conf("server", world.mtls!.serverData));
    await writeFile(agent, conf("agent", world.mtls!.agentData));
    const { code, out } = await cli([
      "--server-config",
      server,
      "--agent-config",
      agent,
      "--json",
      "--count",
      "4",
      "--in-flight",
      "2",
    ]);
    const report = rehearseReport.parse(JSON.parse(out));
    const { agentId } = world.mtls!;
    expect({
      code,
      ids: [report.schema, report.spiffe_id, report.trust_domain],
      counts: [report.requested, report.attested, report.failed, report.attestations.length],
      checksums: [report.halves.server.checksum, report.halves.agent.checksum],
      stops: [report.halves.server.stop_problem, report.halves.agent.stop_problem],
    }).toEqual({
      code: 0,
      ids: ["spire-keylime/rehearse/v1", `spiffe://example.org/spire/agent/keylime/${agentId}`, "example.org"],
      counts: [4, 4, 0, 4],
      checksums: ["verified", "verified"],
      stops: [null, null],
    });
    expect(report.selectors).toContain(`keylime:uuid:${agentId}`);
    expect(report.messages[2]?.facts).toMatchObject({
      sign_alg: "rsassa",
      sign_hash: "sha256",
      pcrs: ["sha256:16"],
      nonce_matches: true,
    });
  });

  it("prints the exchange for people, and never a nonce or a quote", async () => {
    const { code, out } = await cli(plugins());
    const lines = out
      .replaceAll(bundles.path, "")
      .replaceAll(/[\d.]+ ms/g, "N ms")
      .replaceAll(/peak \d+/g, "peak N");
    expect(lines.replaceAll(/^ +N ms/gm, "  N ms")).toBe(
      `NodeAttestor "fixture", trust domain example.org
  server half   /fixture.cjs server
                configured in N ms, peak N MB, checksum not configured
  agent half    /fixture.cjs agent
                configured in N ms, peak N MB, checksum not configured

  N ms  agent  -> server  payload    agent id agent-1, hash sha256 (47 bytes)
  N ms  server -> agent   challenge  nonce of 11 characters (28 bytes)
  N ms  agent  -> server  response   quote of 11 characters (31 bytes)
                not the form r<attest>:<signature>:<pcrs>
  N ms  server -> SPIRE   result     spiffe://example.org/spire/agent/fixture/1
                fixture:a:1
                fixture:"b\\n2"

attested in N ms (server half N ms, agent half N ms)
`,
    );
    expect(code).toBe(0);
  });

  it("prints warnings of the plugins on stderr, everything with --verbose", async () => {
    const quiet = await cli(plugins("warn"));
    const verbose = await cli([...plugins("warn"), "--verbose"]);
    expect(quiet.err).toBe("server plugin: warn: Careful\n");
    expect(verbose.err).toContain('server plugin: debug: Configured word="warn"\n');
  });

  it("exits with 1 and tells code, message, half and next step when an attestation fails", async () => {
    const { code, out } = await cli([...plugins("deny"), "--count", "3"]);
    expect(out).toContain(
      "failed (3 times): the server half, waiting for its challenge\n  PERMISSION_DENIED (7): [quote-refused] the quote was refused\n",
    );
    expect(out).toMatch(/\n0 of 3 attested\n$/);
    expect(code).toBe(1);
  });

  it("exits with 3 when a half cannot be started", async () => {
    expect(await cli(plugins("refuse"))).toMatchObject({
      code: 3,
      out: "",
      err: expect.stringContaining("no such setting"),
    });
    const missing = await cli(["--server-plugin", "/nonexistent/plugin", "--agent-plugin", fixture]);
    expect(missing).toMatchObject({ code: 3, err: expect.stringContaining('the server plugin "/nonexistent/plugin"') });
  });

  it("says how to see the last words of a half that ends before its handshake", async () => {
    const ends = join(bundles.path, "ends.sh");
    await writeFile(ends, "#!/bin/sh\necho a library is missing >&2\nexit 4\n", { mode: 0o755 });
    const args = [
      "--server-plugin",
      ends,
      "--server-data",
      "/dev/null",
      "--agent-plugin",
      ends,
      "--agent-data",
      "/dev/null",
    ];
    expect((await cli(args)).err).toBe(
      `error: the server half does not load: cannot start plugin "${ends}": it exited before the handshake (exit code 4) [plugin-start]\n` +
        "hint: see with spire-keylime rehearse --verbose what it wrote to stderr\n",
    );
    expect((await cli([...args, "--verbose"])).err).toContain("server plugin: debug: a library is missing\n");
  });

  it("ends when a plugin leaves a process behind that holds its pipes", async () => {
    const leaver = join(bundles.path, "leaver.sh");
    const sleeper = join(bundles.path, "sleeper");
    await writeFile(leaver, `#!/bin/sh\nsleep 60 &\necho $! >${sleeper}\nexec "$@"\n`, { mode: 0o755 });
    const args = ["rehearse", "--server-plugin", leaver, fixture, "server", "--agent-plugin", fixture, "agent"];
    const startMs = performance.now();
    const { code, signal, out } = await startExecutable([...args, "--name", "fixture"]).ended;
    const tookMs = performance.now() - startMs;
    const pid = Number(await readFile(sleeper, "utf8"));
    const isLeft = isAlive(pid);
    process.kill(pid, "SIGKILL");
    expect({ code, signal, isLeft }).toEqual({ code: 0, signal: null, isLeft: true });
    expect(out).toMatch(/\nattested in /);
    expect(tookMs).toBeLessThan(20_000);
  });

  it("exits with 3 when a checksum does not match, and starts nothing", async () => {
    const conf = join(bundles.path, "bad-sum.conf");
    const block = `plugins { NodeAttestor "fixture" { plugin_cmd = "${fixture}" plugin_args = ["server"] plugin_checksum = "${"0".repeat(64)}" } }`;
    await writeFile(conf, block);
    const { code, err } = await cli(["--server-config", conf, "--agent-plugin", fixture, "agent"]);
    expect([code, err]).toEqual([3, expect.stringContaining("[spire-plugin-checksum]")]);
  });

  it.each([
    [[], "the server half is not given"],
    [["--server-plugin", "x"], "the agent half is not given"],
    [["--count", "0"], "--count"],
    [["--timeout", "soon"], "--timeout"],
    [["--frobnicate"], "--frobnicate"],
  ])("exits with 2 for wrong usage: %j", async (args, message) => {
    expect(await cli(args)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(message) });
  });
});
