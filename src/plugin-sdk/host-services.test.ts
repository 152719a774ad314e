import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../core/logger.js";
import { GrpcListener } from "../goplugin/grpc-listener.js";
import type { PluginBroker } from "../goplugin/plugin-broker.js";
import { StatusCode } from "../goplugin/status-error.js";
import { createHostServices, type LazyHostServices } from "./host-services.js";
import { type OfferedHostServices, offeredServices, type RecordedMetric } from "./offered-host-services.js";

let directory: string;
let listener: GrpcListener | undefined;
let services: LazyHostServices;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "host-services-"));
  services = createHostServices();
});
afterEach(() => {
  services.close();
  listener?.destroy();
  listener = undefined;
  rmSync(directory, { recursive: true, force: true });
});

async function connect(offered: OfferedHostServices): Promise<void> {
  const named = offeredServices(offered);
  listener = new GrpcListener(named, 1024 * 1024);
  const target = `unix:${await listener.listen({ directory })}`;
  services.connect({ target: async () => target } as unknown as PluginBroker, silentLogger);
  services.offer(named.map(({ name }) => name));
}

describe("metrics", () => {
  it("arrive as SPIRE's messages", async () => {
    const recorded: RecordedMetric[] = [];
    await connect({ metrics: (metric) => recorded.push(metric) });
    const { metrics } = services;
    metrics.setGauge(["a"], 1, { l: "v" });
    metrics.emitKey(["b"], 2);
    metrics.incrCounter(["c"], 3);
    metrics.addSample(["d", "e"], 4.5);
    metrics.measureSince(["f"], 1_700_000_000_123.5);
    await vi.waitFor(() => expect(recorded).toHaveLength(5));
    expect(recorded.sort((x, y) => x.key[0]!.localeCompare(y.key[0]!))).toEqual([
      { kind: "gauge", key: ["a"], value: 1, labels: { l: "v" } },
      { kind: "key", key: ["b"], value: 2, labels: {} },
      { kind: "counter", key: ["c"], value: 3, labels: {} },
      { kind: "sample", key: ["d", "e"], value: 4.5, labels: {} },
      { kind: "measure", key: ["f"], value: 1_700_000_000_123.5, labels: {} },
    ]);
  });

  it("stay bounded when the host is slow, and flow again afterwards", async () => {
    const recorded: RecordedMetric[] = [];
    await connect({ metrics: (metric) => recorded.push(metric) });
    for (let i = 0; i < 10_000; i++) services.metrics.incrCounter(["x"], 1);
    await vi.waitFor(() => expect(recorded).toHaveLength(64));
    await vi.waitFor(() => {
      services.metrics.incrCounter(["y"], 1);
      expect(recorded.at(-1)?.key).toEqual(["y"]);
    });
  });

  it("never throw, whoever is missing and whatever is given", async () => {
    const { metrics } = services;
    expect(() => metrics.incrCounter(["x"], 1)).not.toThrow();
    await connect({ metrics: () => {} });
    expect(() => {
      metrics.measureSince(["x"], Number.NaN);
      metrics.setGauge([undefined] as never, "one" as never, { a: Object.create(null) } as never);
      metrics.addSample(undefined as never, 1);
    }).not.toThrow();
    services.close();
    expect(() => metrics.incrCounter(["x"], 1)).not.toThrow();
  });
});

describe("agent store and identity provider", () => {
  it("answer with what the host knows", async () => {
    const identity = {
      identity: { certChain: [Buffer.from("der")], privateKey: Buffer.from("key") },
      bundle: undefined,
    };
    await connect({
      agentStore: async (agentId) => (agentId === "known" ? { agentId } : undefined),
      identityProvider: async () => identity,
    });
    expect(await services.agentStore.getAgentInfo("known")).toEqual({ agentId: "known" });
    await expect(services.agentStore.getAgentInfo("x")).rejects.toMatchObject({ code: StatusCode.NOT_FOUND });
    expect(await services.identityProvider.fetchX509Identity()).toEqual(identity);
  });

  it("say so when the host does not offer them or is not there", async () => {
    await connect({});
    await expect(services.agentStore.getAgentInfo("x")).rejects.toMatchObject({
      code: StatusCode.UNIMPLEMENTED,
      message: "the host does not offer spire.hostservice.server.agentstore.v1.AgentStore",
    });
    const unconnected = createHostServices();
    unconnected.offer(["spire.hostservice.server.agentstore.v1.AgentStore"]);
    await expect(unconnected.agentStore.getAgentInfo("x")).rejects.toMatchObject({ code: StatusCode.UNAVAILABLE });
  });
});
