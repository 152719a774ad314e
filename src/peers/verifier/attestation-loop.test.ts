import { createHash } from "node:crypto";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../core/logger.js";
import { SoftwareTpm } from "../tpm/software-tpm.js";
import type { AgentOrder, AgentReply } from "./agent-call.js";
import { type AgentEntry, newAgentEntry } from "./agent-entry.js";
import { AttestationLoop, type LoopSettings } from "./attestation-loop.js";

const pubkey = "-----BEGIN PUBLIC KEY-----\n";
const silent: AgentReply = { status: 599, json: undefined, error: "connect ECONNREFUSED" };
let tpm: SoftwareTpm;

beforeAll(async () => {
  tpm = await SoftwareTpm.create({ ak: "ecc256" });
  tpm.extend(16, createHash("sha256").update(pubkey).digest());
});
beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Seen {
  atS: number;
  path: string;
}

function start(answers: (order: AgentOrder, index: number) => AgentReply, changes: Partial<LoopSettings> = {}) {
  const calls: Seen[] = [];
  const agent: AgentEntry = newAgentEntry({ akTpm: tpm.akPublic.toString("base64"), tpmPolicy: '{"mask": "0x0400"}' });
  let terminated = 0;
  const loop = new AttestationLoop(agent, {
    settings: {
      quoteIntervalMs: 2000,
      retryIntervalMs: 2000,
      maxRetries: 5,
      exponentialBackoff: true,
      versions: ["2.0", "2.1", "2.5", "2.6"],
      ...changes,
    },
    caller: {
      async call(_target, order) {
        calls.push({ atS: (Date.now() - 1_000_000_000_000) / 1000, path: order.path });
        return answers(order, calls.length - 1);
      },
    },
    clock: { nowMs: () => Date.now() },
    logger: silentLogger,
    mbPolicy: () => null,
    onTerminated: () => {
      terminated += 1;
    },
  });
  loop.start();
  return { agent, calls, loop, terminated: () => terminated };
}

function goodQuote({ path }: AgentOrder): AgentReply {
  const query = new URLSearchParams(path.split("?")[1]);
  const results = {
    quote: tpm.quote({ nonce: query.get("nonce")!, pcrMask: (1 << 16) | (1 << 10) }),
    hash_alg: "sha256",
    enc_alg: "rsa",
    sign_alg: "ecdsa",
    ima_measurement_list: "",
    ...(query.get("partial") === "0" ? { pubkey } : {}),
  };
  return { status: 200, json: { code: 200, status: "Success", results } };
}

describe("AttestationLoop", () => {
  it("asks with a new nonce of 20 letters and digits and the mask as written; the key only at first contact", async () => {
    const { agent, calls } = start(goodQuote);
    await vi.advanceTimersByTimeAsync(4000);
    expect(agent).toMatchObject({ attestationCount: 3, operationalState: 3, lastSuccessfulAttestation: 1_000_000_004 });
    const patterns = [0, 1, 1].map(
      (partial) =>
        new RegExp(`^/v2\\.5/quotes/integrity\\?nonce=[A-Za-z0-9]{20}&mask=0x0400&partial=${partial}&ima_ml_entry=0$`),
    );
    expect(calls).toEqual(patterns.map((path, round) => ({ atS: round * 2, path: expect.stringMatching(path) })));
    expect(new Set(calls.map(({ path }) => path)).size).toBe(3);
  });

  it("waits 2, 4, 8, 16 and 32 seconds for a silent agent, shows 3 meanwhile, then 7", async () => {
    const { agent, calls } = start(() => silent);
    await vi.advanceTimersByTimeAsync(61_000);
    expect(agent).toMatchObject({ operationalState: 3, attestationCount: 0 });
    await vi.advanceTimersByTimeAsync(1000);
    expect(calls.map(({ atS }) => atS)).toEqual([0, 2, 6, 14, 30, 62]);
    expect(agent).toMatchObject({
      operationalState: 7,
      severityLevel: 6,
      lastEventId: "internal.verifier.not_reachable",
      lastReceivedQuote: 0,
    });
    await vi.advanceTimersByTimeAsync(1_000_000);
    expect(calls).toHaveLength(6);
  });

  it("waits evenly when its interval is a second or less, or when told to", async () => {
    const short = start(() => silent, { retryIntervalMs: 500, maxRetries: 3 });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(short.calls.map(({ atS }) => atS)).toEqual([0, 0.5, 1, 1.5]);
    const even = start(() => silent, { exponentialBackoff: false, maxRetries: 2 });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(even.calls.map(({ atS }) => atS - 10)).toEqual([0, 2, 4]);
  });

  it("starts counting retries anew after a good quote, and asks for the key again after a retry", async () => {
    const { agent, calls } = start((order, index) => (index === 2 || index === 4 ? silent : goodQuote(order)), {
      maxRetries: 1,
    });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(agent).toMatchObject({ attestationCount: 4, operationalState: 3 });
    expect(calls.map(({ path }) => /partial=(\d)/.exec(path)?.[1])).toEqual(["0", "1", "1", "0", "1", "0"]);
  });

  it.each([
    ["a status it does not know", { status: 404, json: undefined }, "internal.verifier.no_quote"],
    ["a body that is no JSON", { status: 200, json: undefined }, "internal.verifier.exception"],
    ["a body without results", { status: 200, json: {} }, "internal.verifier.exception"],
    ["another 400", { status: 400, json: { status: "Parameters" } }, "internal.verifier.no_quote"],
  ])("fails at once at %s", async (_what, reply, event) => {
    const { agent, calls } = start(() => reply);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(agent).toMatchObject({ operationalState: 7, lastEventId: event });
    expect(calls).toHaveLength(1);
  });

  describe("when the agent does not speak the version", () => {
    const refused = { status: 400, json: { status: "API version not supported: v2.5" } };
    const offering = (results: unknown) => (order: AgentOrder) => {
      if (order.path === "/version") return { status: 200, json: { results } };
      return order.path.startsWith("/v2.1/") ? goodQuote(order) : refused;
    };

    it.each([
      ["a list", { supported_version: "2.2", supported_versions: ["2.0", "2.1", "2.2"] }],
      ["one version", { supported_version: "2.1" }],
    ])("takes the newest common one of %s, as a retry", async (_what, results) => {
      const { agent, calls } = start(offering(results));
      await vi.advanceTimersByTimeAsync(2000);
      expect(agent).toMatchObject({ supportedVersion: "2.1", attestationCount: 1 });
      expect(calls.map(({ atS }) => atS)).toEqual([0, 0, 2]);
    });

    it.each([
      ["nothing common", { supported_versions: ["9.9"] }],
      ["nothing at all", undefined],
    ])("fails for %s", async (_what, results) => {
      const { agent } = start(offering(results));
      await vi.advanceTimersByTimeAsync(2000);
      expect(agent).toMatchObject({ operationalState: 7, lastEventId: "internal.verifier.version_not_supported" });
    });

    it("goes back to no older version once the agent has passed", async () => {
      const { agent } = start((order, index) =>
        index === 0 ? goodQuote(order) : offering({ supported_version: "2.1" })(order),
      );
      await vi.advanceTimersByTimeAsync(2000);
      expect(agent).toMatchObject({
        supportedVersion: "2.5",
        operationalState: 7,
        lastEventId: "internal.verifier.version_not_supported",
      });
    });
  });

  it("ends for good when cancelled, also with a call in flight", async () => {
    const { agent, calls, loop } = start(goodQuote);
    const before = { ...agent };
    vi.advanceTimersByTime(0);
    loop.cancel();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(calls).toHaveLength(1);
    expect(agent).toEqual(before);
  });

  it("tells when an agent was terminated under its call, and changes nothing", async () => {
    const { agent, calls, terminated } = start(goodQuote);
    vi.advanceTimersByTime(0);
    agent.operationalState = 8;
    await vi.advanceTimersByTimeAsync(10_000);
    expect([terminated(), calls.length, agent.operationalState, agent.attestationCount]).toEqual([1, 1, 8, 0]);
  });
});
