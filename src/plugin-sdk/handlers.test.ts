import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HealthCheckResponse_ServingStatus, HealthService } from "../gen/grpc/health/v1/health.js";
import { NodeAttestorService } from "../gen/spire/plugin/server/nodeattestor/v1/nodeattestor.js";
import { GrpcListener } from "../goplugin/grpc-listener.js";
import { callUnary, dialService, openStream } from "../goplugin/service-client.js";
import { StatusCode, statusError } from "../goplugin/status-error.js";
import { grpcImplementation, type Handlers } from "./handlers.js";

let directory: string;
let listener: GrpcListener;
let client: Client;
const logged: unknown[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "handlers-"));
  logged.length = 0;
});
afterEach(() => {
  client.close();
  listener.destroy();
  rmSync(directory, { recursive: true, force: true });
});

async function serve(attestor: Handlers<NodeAttestorService>, health: Handlers<HealthService> = {}): Promise<void> {
  const logger = { log: (...line: unknown[]) => void logged.push(line) };
  const services = [
    { definition: NodeAttestorService, implementation: grpcImplementation(NodeAttestorService, attestor, logger) },
    { definition: HealthService, implementation: grpcImplementation(HealthService, health, logger) },
  ];
  listener = new GrpcListener(services, 4 * 1024 * 1024);
  client = dialService(`unix:${await listener.listen({ directory })}`, 8 * 1024 * 1024);
}

const attest = (options?: Parameters<typeof openStream>[2]) => openStream(client, NodeAttestorService.attest, options);
const payload = (text: string) => ({ payload: Buffer.from(text), challengeResponse: undefined });

describe("a bidirectional handler", () => {
  it("sees requests in order and ends the stream with OK when it returns", async () => {
    await serve({
      attest: async (call) => {
        for await (const { payload: given } of call) await call.send({ challenge: given });
      },
    });
    const stream = attest();
    for (const text of ["a", "b"]) {
      await stream.send(payload(text));
      expect(String((await stream.receive())?.challenge)).toBe(text);
    }
    stream.end();
    expect(await stream.receive()).toBeUndefined();
  });

  it("reads the metadata of the host", async () => {
    await serve({
      attest: async (call) =>
        call.send({ challenge: Buffer.from(String(call.metadata("x-untrusted-forwarded-host"))) }),
    });
    const stream = attest({ metadata: { "X-Untrusted-Forwarded-Host": "spire.example.org" } });
    expect(String((await stream.receive())?.challenge)).toBe("spire.example.org");
  });

  it.each([
    ["a status", statusError(StatusCode.PERMISSION_DENIED, "verdict"), StatusCode.PERMISSION_DENIED, "verdict"],
    ["an error", new Error("one\ntwo"), StatusCode.INTERNAL, "one two"],
    ["half a character", new Error("\ud800"), StatusCode.INTERNAL, "\ufffd"],
    ["nothing", undefined, StatusCode.INTERNAL, "undefined"],
  ])("answers with a status when it throws %s", async (_name, thrown, code, message) => {
    await serve({
      attest: () => {
        throw thrown;
      },
    });
    await expect(attest().receive()).rejects.toMatchObject({ code, message });
    expect(logged).toHaveLength(code === StatusCode.INTERNAL ? 1 : 0);
  });

  it.each(["cancelled", "past its deadline", "cut off"])("is told by its signal when the call is %s", async (how) => {
    const seen: unknown[] = [];
    await serve({
      attest: async (call) => {
        call.signal.addEventListener("abort", () => seen.push("abort"));
        seen.push("begun");
        // A Node client half-closes before it cancels, so only the signal is certain.
        await call.receive().catch(() => {});
        await vi.waitFor(() => expect(call.signal.aborted).toBe(true));
        await call.send({ challenge: Buffer.alloc(1) }).catch((error) => seen.push(error.code));
        await call.receive().catch((error) => seen.push(error.code));
      },
    });
    const stream = attest(how === "past its deadline" ? { timeoutMs: 150 } : {});
    await vi.waitFor(() => expect(seen).toEqual(["begun"]));
    if (how === "cancelled") stream.cancel();
    if (how === "cut off") client.close();
    if (how === "cut off") listener.destroy();
    await vi.waitFor(() => expect(seen).toEqual(["begun", "abort", StatusCode.CANCELLED, StatusCode.CANCELLED]));
    await expect(stream.receive()).rejects.toThrow();
  });

  it("holds back a host that sends faster than the handler reads", async () => {
    let go: () => void = () => {};
    const wait = new Promise<void>((resolve) => {
      go = resolve;
    });
    const sizes: number[] = [];
    await serve({
      attest: async (call) => {
        await wait;
        for await (const { payload: given } of call) sizes.push(given!.length);
      },
    });
    const stream = attest();
    let sent = 0;
    const sending = (async () => {
      for (let i = 0; i < 40; i++) {
        await stream.send(payload("x".repeat(1024 * 1024)));
        sent++;
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(sent).toBeLessThan(40);
    go();
    await sending;
    stream.end();
    expect(await stream.receive()).toBeUndefined();
    expect(sizes).toEqual(Array(40).fill(1024 * 1024));
  });

  it("refuses a message above 4 MiB and bytes that are no message, and answers the next call", async () => {
    await serve({ attest: async (call) => void (await call.receive()) });
    const large = attest();
    await large.send(payload("x".repeat(4 * 1024 * 1024)));
    await expect(large.receive()).rejects.toMatchObject({ code: StatusCode.RESOURCE_EXHAUSTED });
    const raw = { ...NodeAttestorService.attest, requestSerialize: (bytes: Buffer) => bytes };
    for (const garbage of ["0aff", "0a", "ff", "0bff", "07", "0a05616263"]) {
      const stream = openStream(client, raw);
      await stream.send(Buffer.from(garbage, "hex"));
      await expect(stream.receive()).rejects.toMatchObject({ code: StatusCode.INTERNAL });
    }
    const stream = attest();
    stream.end();
    expect(await stream.receive()).toBeUndefined();
  });

  it("answers UNIMPLEMENTED for a method without a handler", async () => {
    await serve({});
    await expect(attest().receive()).rejects.toMatchObject({ code: StatusCode.UNIMPLEMENTED });
  });
});

describe("handlers of other kinds", () => {
  const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;

  it("answer one request with one response, or with a status", async () => {
    await serve(
      {},
      {
        check: async ({ service }) => {
          if (service === "bad") throw statusError(StatusCode.NOT_FOUND, "unknown");
          return { status: SERVING };
        },
      },
    );
    expect(await callUnary(client, HealthService.check, { service: "good" })).toEqual({ status: SERVING });
    await expect(callUnary(client, HealthService.check, { service: "bad" })).rejects.toMatchObject({
      code: StatusCode.NOT_FOUND,
      message: "unknown",
    });
  });

  it("answer one request with many responses", async () => {
    await serve(
      {},
      {
        watch: async (_request, call) => {
          await call.send({ status: SERVING });
          await call.send({ status: NOT_SERVING });
        },
      },
    );
    const { path, requestSerialize, responseDeserialize } = HealthService.watch;
    const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: "x" });
    const statuses = [];
    for await (const { status } of stream) statuses.push(status);
    expect(statuses).toEqual([SERVING, NOT_SERVING]);
  });

  it("stop when the caller aborts", async () => {
    const seen: string[] = [];
    await serve(
      {},
      {
        check: (_request, { signal }) =>
          new Promise((_, reject) => {
            seen.push("begun");
            signal.addEventListener("abort", () => {
              seen.push("abort");
              reject(signal.reason);
            });
          }),
      },
    );
    const controller = new AbortController();
    const call = callUnary(client, HealthService.check, { service: "x" }, { signal: controller.signal });
    await vi.waitFor(() => expect(seen).toEqual(["begun"]));
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: StatusCode.CANCELLED });
    await vi.waitFor(() => expect(seen).toEqual(["begun", "abort"]));
  });
});
