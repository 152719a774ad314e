import { readdirSync } from "node:fs";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Client, Metadata } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { PluginLogRecord } from "../../src/goplugin/hclog-record.js";
import { fromServiceError } from "../../src/goplugin/status-error.js";
import { StatusCode, StatusError } from "../../src/plugin-sdk/index.js";
import { relayAttestation } from "../../src/rehearse/relay.js";
import {
  encodeChallenge,
  encodeChallengeResponse,
  encodePayload,
  newNonce,
  readChallenge,
} from "../../src/spire/exchange.js";
import { createCorruptKey, forgeQuote } from "../fakes/forged-quote.js";
import { type KeylimeWorld, startKeylimeWorld } from "../fakes/keylime-world.js";
import {
  answer,
  type Behaviour,
  type MisbehavingServer,
  misbehaviours,
  routes,
  startMisbehavingServer,
} from "../fakes/misbehaving-server.js";
import { goodVerifierEntry, registrarScript, verifierScript } from "../fakes/scripted-keylime.js";
import { seedOfGeneratedCases as seed } from "../support/generated-cases.js";
import { runChecked } from "../support/run-command.js";
import { type LoadedHalf, loadHalf } from "./plugin-halves.js";

const key = createCorruptKey();
const nonces = new Set<string>();
/** How many generated cases each part has put to the plugins. */
const cases: Record<string, number> = {};

let world: KeylimeWorld;
let verifier: MisbehavingServer;
let registrar: MisbehavingServer;
let keylimeAgent: MisbehavingServer;
let server: LoadedHalf;
let agent: LoadedHalf;
let signals: NodeJS.Timeout;
let startedMb: { server: number; agent: number };

/** What the scripted services answer with; tests replace them. */
let verifierAnswers: Behaviour = verifierScript({});
let registrarAnswers: Behaviour = registrarScript(key);
let agentAnswers: Behaviour;
const rightAgentAnswers = routes({
  "/version": answer(200, { results: { supported_version: "2.2" } }),
  "/v2.2/agent/info": answer(200, { results: { agent_uuid: "a", tpm_hash_alg: "sha256" } }),
  "/v2.2/quotes/identity": answer(200, { results: { quote: forgeQuote(key, "N") } }),
});

beforeAll(async () => {
  world = await startKeylimeWorld();
  const tls = (own: { chainPem: string; keyPem: string }) => ({ cert: own.chainPem, key: own.keyPem });
  const scripted = (own: { chainPem: string; keyPem: string }, onRequest: Behaviour) =>
    startMisbehavingServer({ tls: tls(own), onRequest });
  verifier = await scripted(world.pki.verifier, (...request) => verifierAnswers(...request));
  registrar = await scripted(world.pki.registrar, (...request) => registrarAnswers(...request));
  agentAnswers = rightAgentAnswers;
  keylimeAgent = await startMisbehavingServer({ onRequest: (...request) => agentAnswers(...request) });
  server = await loadHalf("server", { data: scriptedData(), directory: world.directory.path });
  agent = await loadHalf("agent", {
    data: `keylime_agent_port = "${keylimeAgent.port}"`,
    directory: world.directory.path,
  });
  // What the first calls load and compile is no growth.
  await inParallel(Array(300).fill(0), 8, async () => void (await attest(Buffer.from("{}"))));
  startedMb = { server: server.residentMb(), agent: agent.residentMb() };
  const kinds = ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGCONT", "SIGWINCH"] as const;
  signals = setInterval(() => {
    const number = cases.signals ?? 0;
    for (const { plugin } of [server, agent]) process.kill(plugin.pid, kinds[number % kinds.length]);
    count("signals", 1);
  }, 100);
}, 60_000);

afterAll(async () => {
  clearInterval(signals);
  await server[Symbol.asyncDispose]();
  await agent[Symbol.asyncDispose]();
  for (const peer of [verifier, registrar, keylimeAgent]) await peer[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

function scriptedData(changes: Parameters<KeylimeWorld["serverData"]>[0] = {}): string {
  return world.serverData({
    keylime_verifier_port: String(verifier.port),
    keylime_registrar_port: String(registrar.port),
    ...changes,
  });
}

const rightPayload = encodePayload({ agentId: "machine-1", hashAlg: "sha256" });
const attestCodes = [
  "INVALID_ARGUMENT",
  "FAILED_PRECONDITION",
  "PERMISSION_DENIED",
  "UNAVAILABLE",
  "DEADLINE_EXCEEDED",
];

// About 45 s on two idle processors; a busy machine takes several times as long.
describe(`the plugin pair (GENERATED_SEED=${seed})`, { timeout: 240_000 }, () => {
  it("answers malformed payloads with a proper status", async () => {
    await eachCase("payloads", anyMessage(rightPayload), 4000, async (payload) => {
      expectProper(await attest(payload), payload.length > 4_000_000 ? ["RESOURCE_EXHAUSTED"] : attestCodes);
    });
  });

  it("answers malformed challenge responses with a proper status", async () => {
    const right = encodeChallengeResponse(forgeQuote(key, "A".repeat(32)));
    await eachCase("responses", anyMessage(right), 1300, async (response) => {
      expectProper(await attest(rightPayload, () => response), [...attestCodes, "RESOURCE_EXHAUSTED"]);
    });
    const quotes = fc.tuple(mutated(Buffer.from(forgeQuote(key, "N"))), fc.boolean());
    await eachCase("quotes", quotes, 700, async ([quote, rightNonce]) => {
      const text = (nonce: string) =>
        rightNonce ? forgeQuote(key, nonce).slice(0, quote.length) : quote.toString("latin1");
      expectProper(await attest(rightPayload, (nonce) => encodeChallengeResponse(text(nonce))), [
        ...attestCodes,
        "admitted",
      ]);
    });
  });

  it("answers malformed challenges with a proper status", async () => {
    await eachCase("challenges", anyMessage(encodeChallenge(newNonce())), 900, async (challenge) => {
      expectProper(await aid(challenge), [...attestCodes, "RESOURCE_EXHAUSTED", "admitted"]);
    });
  });

  it("answers whatever its Keylime services answer with a proper status", async () => {
    await server.plugin.configure(scriptedData({ request_timeout: "2s" }));
    const verifierQueue = misanswers(goodVerifierEntry());
    const registrarQueue = misanswers({
      aik_tpm: key.akPublic.toString("base64"),
      mtls_cert: "disabled",
      ip: "x",
      port: 1,
    });
    const right = { verifier: verifierScript({}), registrar: registrarScript(key) };
    verifierAnswers = (...request) => (verifierQueue.next(request[2]) ?? right.verifier)(...request);
    registrarAnswers = (...request) => (registrarQueue.next(request[2]) ?? right.registrar)(...request);
    const outcomes: Record<string, number> = {};
    await eachCase("answers", fc.constant(0), 800, async () => {
      const outcome = await attest(rightPayload, (nonce) => encodeChallengeResponse(forgeQuote(key, nonce)));
      const name = outcome === "admitted" ? outcome : StatusCode[outcome.code];
      outcomes[name] = (outcomes[name] ?? 0) + 1;
      expectProper(outcome, [...attestCodes, "admitted"]);
    });
    const given = verifierQueue.given() + registrarQueue.given();
    // Otherwise this was a test of time-outs.
    expect(given).toBeGreaterThan(400);
    expect(Object.keys(outcomes)).toEqual(expect.arrayContaining(["UNAVAILABLE", "admitted"]));
    count("services' answers", given);
    verifierAnswers = right.verifier;
    registrarAnswers = right.registrar;
    const agentQueue = misanswers({ agent_uuid: "a", tpm_hash_alg: "sha256", quote: "r" }, false);
    agentAnswers = (...request) => (agentQueue.next(request[2]) ?? rightAgentAnswers)(...request);
    await eachCase("agent's answers", fc.constant(0), 400, async () => {
      expectProper(await aid(encodeChallenge(newNonce())), [...attestCodes, "admitted"]);
    });
    agentAnswers = rightAgentAnswers;
  });

  it("answers garbage to Configure and Validate with a proper status", async () => {
    const right = Buffer.from(scriptedData({ selectors: ["uuid"], require_agent_mtls: false }));
    const texts = fc.oneof(
      { weight: 4, arbitrary: mutated(right).map((bytes) => bytes.toString("utf8")) },
      { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 300 }) },
      { weight: 1, arbitrary: fc.json() },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 20_000 }).map((depth) => `a = ${"[".repeat(depth)}`) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 5000 }).map((times) => 'key = "x"\n'.repeat(times)) },
    );
    await eachCase(
      "configurations",
      fc.tuple(texts, fc.boolean(), fc.boolean()),
      800,
      async ([hcl, configures, onServer]) => {
        const { plugin } = onServer ? server : agent;
        const outcome = await (configures ? plugin.configure(hcl) : plugin.validate(hcl)).then(
          () => "admitted" as const,
          (error) => error as StatusError,
        );
        expectProper(outcome, ["INVALID_ARGUMENT", "admitted"]);
      },
    );
  });

  it("answers bytes that are no message, methods it has not, and noise on its socket", async () => {
    const paths = [
      "/spire.service.common.config.v1.Config/Configure",
      "/spire.plugin.server.nodeattestor.v1.NodeAttestor/Attest",
      "/spire.plugin.agent.nodeattestor.v1.NodeAttestor/AidAttestation",
      "/plugin.GRPCBroker/StartStream",
      "/grpc.health.v1.Health/Check",
      "/no.such.Service/Method",
    ];
    const calls = fc.tuple(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...paths), fc.boolean());
    await eachCase("wire bytes", calls, 600, async ([bytes, path, onServer]) => {
      const { plugin } = onServer ? server : agent;
      const codes = ["INTERNAL", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED", "NOT_FOUND", "CANCELLED", "admitted"];
      expectProper(await callRaw(plugin.client, path, Buffer.from(bytes)), [...attestCodes, ...codes]);
    });
    const socket = readdirSync(server.sockets).find((name) => name.startsWith(`plugin-n${server.plugin.pid}-`))!;
    await eachCase("noise", fc.uint8Array({ minLength: 1, maxLength: 500 }), 60, async (bytes) => {
      await makeNoise(join(server.sockets, socket), bytes);
    });
  });

  it("keeps the certificate in use whatever becomes of its files", async () => {
    await server.plugin.configure(world.serverData());
    const names = ["ca", "cert", "key"] as const;
    const right = new Map(
      await Promise.all(names.map(async (name) => [name, await readFile(world.files[name])] as const)),
    );
    const fates = fc.tuple(fc.constantFrom(...names), fc.constantFrom(...Object.keys(fileFates)), fc.nat());
    let attested = 0;
    const logged = server.logs.length;
    onTestFinished(async () => {
      for (const name of names) await replace(world.files[name], right.get(name)!);
    });
    for (const [name, fate, number] of fc.sample(fates, { numRuns: 250, seed })) {
      // A certificate with another byte in it is another certificate: nothing tells it from a new one.
      if (fate === "one byte changed" && name !== "key") continue;
      await fileFates[fate]!(world.files[name], right.get(name)!, number);
      const outcome = await attest(encodePayload({ agentId: world.agentId, hashAlg: "sha256" }), (nonce) =>
        encodeChallengeResponse(world.tpm.quote({ nonce, pcrMask: 0 })),
      );
      expect([fate, outcome]).toEqual([fate, "admitted"]);
      attested++;
      if (number % 3 === 0) await replace(world.files[name], right.get(name)!);
      await pause(10);
    }
    count("broken files", attested);
    const told = server.logs.slice(logged).filter(({ level }) => level === "error");
    for (const { message } of told) expect(message).toBe("New certificate files are not usable, keeping the old");
  });

  it("has lived through it all as one process, in bounded memory, without telling a secret, and still attests", async () => {
    clearInterval(signals);
    const total = Object.values(cases).reduce((sum, each) => sum + each, 0);
    expect(total).toBeGreaterThanOrEqual(10_000);
    for (const half of [server, agent]) expect(half.running.ended()).toBeUndefined();
    await server.plugin.configure(world.serverData());
    await agent.plugin.configure(world.agentData());
    const { result, failure } = await relayAttestation({
      server: server.running,
      agent: agent.running,
      timeoutMs: 20_000,
      keepMessages: false,
    });
    expect([result?.spiffeId, failure]).toEqual([
      `spiffe://example.org/spire/agent/keylime/${world.agentId}`,
      undefined,
    ]);
    await expectNoSecrets([...server.logs, ...agent.logs]);
    const endedMb = { server: server.residentMb(), agent: agent.residentMb() };
    process.stderr.write(`${total} cases ${JSON.stringify(cases)}; MiB ${JSON.stringify({ startedMb, endedMb })}\n`);
    for (const half of ["server", "agent"] as const) expect(endedMb[half]).toBeLessThan(startedMb[half] * 2 + 60);
    expect(await server.running.unload()).not.toHaveProperty("complaint");
    expect(await agent.running.unload()).not.toHaveProperty("complaint");
  });
});

type Outcome = "admitted" | StatusError;

/** One attestation by the server half; a nonce that was given out is a secret from then on. */
async function attest(payload: Buffer, respond?: (nonce: string) => Buffer): Promise<Outcome> {
  const stream = server.plugin.attestServer({ timeoutMs: 30_000 });
  try {
    await stream.send({ payload });
    const challenge = (await stream.receive())?.challenge;
    const nonce = readChallenge(challenge!);
    nonces.add(nonce);
    await stream.send({ challengeResponse: respond?.(nonce) ?? Buffer.from("{}") });
    expect((await stream.receive())?.agentAttributes?.spiffeId).toMatch(
      /^spiffe:\/\/example\.org\/spire\/agent\/keylime\//,
    );
    return "admitted";
  } catch (error) {
    return error as StatusError;
  } finally {
    stream.cancel();
  }
}

async function aid(challenge: Buffer): Promise<Outcome> {
  const stream = agent.plugin.aidAttestation({ timeoutMs: 30_000 });
  try {
    await stream.receive();
    await stream.send({ challenge });
    expect((await stream.receive())?.challengeResponse?.length).toBeGreaterThan(0);
    return "admitted";
  } catch (error) {
    return error as StatusError;
  } finally {
    stream.cancel();
  }
}

function callRaw(client: Client, path: string, bytes: Buffer): Promise<Outcome> {
  const same = (each: Buffer) => each;
  return new Promise((resolve) => {
    const options = { deadline: Date.now() + 1000 };
    client.makeUnaryRequest(path, same, same, bytes, new Metadata(), options, (error) => {
      // A stream that goes on has no end of its own.
      if (error?.code === StatusCode.DEADLINE_EXCEEDED) resolve("admitted");
      else resolve(error ? fromServiceError(error) : "admitted");
    });
  });
}

function makeNoise(path: string, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(path, () => socket.end(bytes));
    socket.on("error", () => {});
    socket.on("close", () => resolve());
    socket.resume();
    setTimeout(() => socket.destroy(), 200);
  });
}

function expectProper(outcome: Outcome, codes: readonly string[]): void {
  if (outcome === "admitted") {
    expect(codes).toContain(outcome);
    return;
  }
  expect(outcome).toBeInstanceOf(StatusError);
  const { code, message } = outcome;
  const text = `${StatusCode[code]} ${message}`;
  expect(codes, text).toContain(StatusCode[code]);
  // The words of this side's own limit: the plugin never answered.
  expect(text).not.toMatch(/Deadline exceeded|[\r\n]|\s{4}at |node:internal/);
  for (const [nonce] of text.matchAll(/[A-Z2-7]{32}/g)) expect(nonces.has(nonce), text).toBe(false);
  expect(text).not.toMatch(quoteStart);
}

/** Base64 of TPM_GENERATED_VALUE and TPM_ST_ATTEST_QUOTE, with which every attest starts. */
const quoteStart = /\/1RDR4A|%2F1RDR4A/;

async function expectNoSecrets(logs: readonly PluginLogRecord[]): Promise<void> {
  const keyLines = (await readFile(world.files.key, "utf8"))
    .split("\n")
    .filter((line) => line.length > 30 && !line.startsWith("-"));
  const lines = logs.map((record) => JSON.stringify(record));
  for (const line of lines) {
    expect(line).not.toMatch(quoteStart);
    for (const [nonce] of line.matchAll(/[A-Z2-7]{32}/g)) expect(nonces.has(nonce), line).toBe(false);
    for (const keyLine of keyLines) expect(line).not.toContain(keyLine);
    expect(line).not.toMatch(/call failed inside the plugin|uncaught|unhandled|node:internal/);
  }
  expect(logs.filter(({ panicsGoHost }) => panicsGoHost !== undefined)).toEqual([]);
}

function count(name: string, number: number): void {
  cases[name] = (cases[name] ?? 0) + number;
}

async function eachCase<T>(
  name: string,
  arbitrary: fc.Arbitrary<T>,
  numRuns: number,
  work: (value: T) => Promise<void>,
) {
  await inParallel(fc.sample(arbitrary, { numRuns, seed }), 24, work);
  count(name, numRuns);
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** A right message with a few places changed, cut, doubled or filled. */
function mutated(right: Buffer): fc.Arbitrary<Buffer> {
  const change = fc.record({
    kind: fc.constantFrom("flip", "cut", "insert", "double", "drop"),
    at: fc.nat(right.length - 1),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 6 }),
  });
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) =>
    changes.reduce((bytes, { kind, at, bytes: put }) => {
      const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
      if (kind === "cut") return before;
      if (kind === "insert") return Buffer.concat([before, put, after]);
      if (kind === "double") return Buffer.concat([before, after, after]);
      if (kind === "drop") return Buffer.concat([before, after.subarray(put.length)]);
      return Buffer.concat([before, put, after.subarray(put.length)]);
    }, right),
  );
}

function anyMessage(right: Buffer): fc.Arbitrary<Buffer> {
  const fields = Object.keys(JSON.parse(right.toString("utf8")));
  const wrongTypes = fc.dictionary(fc.constantFrom(...fields, "__proto__", "x"), fc.jsonValue());
  const base64Texts = fc.dictionary(
    fc.constantFrom(...fields),
    fc.string({ unit: "binary" }).map((text) => Buffer.from(text).toString("base64")),
  );
  return fc.oneof(
    { weight: 2000, arbitrary: mutated(right) },
    { weight: 800, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 800, arbitrary: wrongTypes.map((value) => Buffer.from(JSON.stringify(value))) },
    { weight: 800, arbitrary: base64Texts.map((value) => Buffer.from(JSON.stringify(value))) },
    { weight: 200, arbitrary: fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))) },
    { weight: 100, arbitrary: fc.integer({ min: 1, max: 60_000 }).map((size) => Buffer.alloc(size, 0x5b)) },
    { weight: 2, arbitrary: fc.constantFrom(1e6, 4e6 - 1000, 5e6).map((size) => Buffer.alloc(size, 0x20)) },
  );
}

/** Generated wrong answers to give out one by one, mixed with right ones so that later steps are reached too. */
function misanswers(entry: Record<string, unknown>, mayBeSlow = true) {
  const right = JSON.stringify({ code: 200, status: "Success", results: { ...entry, valid: 1 } });
  const values = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant(undefined));
  const wrongField = fc
    .tuple(fc.constantFrom(...Object.keys(entry), "valid"), values)
    .map(([name, value]) =>
      answer(200, { code: 200, status: "Success", results: { ...entry, valid: 1, [name]: value } }),
    );
  const isSlow = (name: string) => /for ever|nothing|without end/.test(name);
  const quick = Object.entries(misbehaviours).filter(([name]) => !isSlow(name));
  const slow = Object.entries(misbehaviours).filter(([name]) => isSlow(name));
  const statuses = fc.tuple(fc.integer({ min: 200, max: 599 }), fc.constantFrom(right, "", "<html>", '{"results":{}}'));
  const generated = fc.sample(
    fc.oneof(
      { weight: 30, arbitrary: wrongField },
      { weight: 15, arbitrary: fc.nat(right.length).map((at) => answer(200, right.slice(0, at))) },
      { weight: 10, arbitrary: fc.nat(right.length).map((at) => closesAfter(right, at)) },
      { weight: 10, arbitrary: statuses.map(([status, body]) => answer(status, body)) },
      { weight: 5, arbitrary: fc.webUrl().map((url) => answer(302, "", { Location: url })) },
      {
        weight: 5,
        arbitrary: fc
          .constantFrom("text/html", "image/png", "")
          .map((type) => answer(200, right, { "Content-Type": type })),
      },
      {
        weight: 5,
        arbitrary: fc.uint8Array({ maxLength: 200 }).map(
          (bytes): Behaviour =>
            (socket) =>
              socket.end(bytes),
        ),
      },
      { weight: 10, arbitrary: fc.constantFrom(...quick.map(([, each]) => each as Behaviour)) },
      { weight: mayBeSlow ? 1 : 0, arbitrary: fc.constantFrom(...slow.map(([, each]) => each as Behaviour)) },
    ),
    { numRuns: 3000, seed },
  );
  let given = 0;
  return {
    next: (number: number): Behaviour | undefined =>
      number % 4 === 0 ? generated[given++ % generated.length] : undefined,
    given: () => given,
  };
}

function closesAfter(body: string, at: number): Behaviour {
  return (socket) => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, at)}`);
}

type FileFate = (path: string, right: Buffer, number: number) => Promise<unknown>;

/** What may become of a certificate file under a running plugin. */
const fileFates: Record<string, FileFate> = {
  truncated: (path, right, number) => replace(path, right.subarray(0, 1 + (number % (right.length - 60)))),
  empty: (path) => replace(path, Buffer.alloc(0)),
  "random bytes": (path, right) => replace(path, Buffer.from(right.map((byte) => byte ^ 0x55))),
  "one byte changed": (path, right, number) => {
    const copy = Buffer.from(right);
    copy[60 + (number % 100)]! ^= 0x03;
    return replace(path, copy);
  },
  "another file": (path, _right, number) =>
    replace(path, Buffer.from(`-----BEGIN ${number % 2 ? "CERTIFICATE" : "PRIVATE KEY"}-----\nAAAA\n`)),
  deleted: (path) => rm(path, { recursive: true, force: true }),
  "a directory": async (path) => {
    await rm(path, { recursive: true, force: true });
    await mkdir(path);
  },
  "a pipe": async (path) => {
    await rm(path, { recursive: true, force: true });
    await runChecked("mkfifo", [path]);
  },
  "written bit by bit": async (path, right) => {
    await rm(path, { recursive: true, force: true });
    for (const share of [0.2, 0.6, 0.9]) await writeFile(path, right.subarray(0, right.length * share));
  },
  unreadable: async (path, right) => {
    await replace(path, right);
    await chmod(path, 0o000);
  },
};

async function replace(path: string, content: Uint8Array): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await writeFile(`${path}.new`, content, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
