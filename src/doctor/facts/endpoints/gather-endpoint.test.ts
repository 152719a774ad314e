import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type KeylimeWorld, startKeylimeWorld } from "../../../../test/fakes/keylime-world.js";
import { answer, misbehaviours, startMisbehavingServer } from "../../../../test/fakes/misbehaving-server.js";
import { freePort } from "../../../../test/support/free-port.js";
import type { EndpointFacts } from "./endpoint-facts.js";
import type { CredentialPlan, EndpointPlan } from "./endpoint-plan.js";
import { gatherEndpoint } from "./gather-endpoint.js";

let world: KeylimeWorld;

beforeAll(async () => {
  world = await startKeylimeWorld({ enrolled: false });
});
afterAll(() => world[Symbol.asyncDispose]());

/** Patient: the machine that runs the tests may be busy. */
const timeoutMs = 8000;

function plan(port: number, changes: Partial<EndpointPlan> = {}): EndpointPlan {
  return {
    id: "verifier",
    role: "verifier",
    askedBy: "server-plugin",
    host: "127.0.0.1",
    port,
    serverName: "127.0.0.1",
    namedBy: { text: "keylime_verifier_port", at: { file: "server.conf", line: 7 } },
    credentials: [],
    caFiles: [],
    ...changes,
  };
}

const own = (): CredentialPlan => ({
  label: "configured",
  files: { cert: world.files.cert, key: world.files.key, keyPassword: undefined },
  name: "/etc/plugin.crt",
  stack: "go",
});

async function foreign(): Promise<CredentialPlan> {
  const { server } = world.pki.cvCa;
  const cert = await world.directory.write("server-cert.crt", server.certPem);
  const key = await world.directory.write("server-private.pem", server.keyPem);
  return { label: "go-default", files: { cert, key, keyPassword: undefined }, name: cert, stack: "go" };
}

const known = <T>(fact: { known: true; value: T } | { known: false; reason: string }): T => {
  if (!fact.known) throw new Error(fact.reason);
  return fact.value;
};

/** What each connection came to, in a line. */
const brief = ({ connections }: EndpointFacts) =>
  connections.map(({ presented, probed }) =>
    [
      presented?.label ?? "none",
      probed.outcome,
      probed.alert?.number ?? probed.http?.status ?? probed.problem?.code,
    ].join(" "),
  );

describe("gatherEndpoint", () => {
  it("tells a verifier by its words, its version, its clock, and what it makes of each credential", async () => {
    const credentials = [
      own(),
      await foreign(),
      { ...own(), label: "candidate", files: { cert: "/no", key: "/no", keyPassword: undefined } } as const,
    ];
    const facts = await gatherEndpoint(plan(world.verifier.address.port, { credentials }), { timeoutMs });
    expect(brief(facts)).toEqual([
      "none accepted 200",
      "none accepted 403",
      "configured accepted 404",
      "go-default refused 48",
    ]);
    expect(facts.unusable).toEqual([
      { name: "/etc/plugin.crt", label: "candidate", reason: expect.stringContaining('"/no"') },
    ]);
    expect(facts.tcp).toEqual([{ address: "127.0.0.1", outcome: "connected", detail: "connected" }]);
    expect(known(facts.speaks)).toBe("tls");
    expect(known(facts.service)).toBe("verifier");
    expect(known(facts.name)).toEqual({ matches: true, names: expect.arrayContaining(["IP:127.0.0.1"]) });
    expect(known(facts.version)).toEqual({ is: "list", offered: expect.arrayContaining(["2.2", "2.6", "3.0"]) });
    const { leastMs, mostMs } = known(facts.clock);
    expect(leastMs).toBeLessThanOrEqual(0);
    expect(mostMs).toBeGreaterThanOrEqual(0);
    expect(mostMs - leastMs).toBeLessThan(timeoutMs);
    expect(JSON.parse(JSON.stringify(facts))).toEqual(facts);
  });

  it("tells the registrar on the verifier's port, without any certificate", async () => {
    const facts = await gatherEndpoint(plan(world.registrar.httpsAddress.port), { timeoutMs });
    expect(known(facts.service)).toBe("registrar");
    expect(brief(facts)).toEqual(["none accepted 200", "none accepted 403"]);
  });

  it("tells plain HTTP where TLS is expected, and TLS where plain HTTP is", async () => {
    const plainPort = world.registrar.httpAddress.port;
    const plain = await gatherEndpoint(plan(plainPort), { timeoutMs });
    expect(known(plain.speaks)).toBe("http");
    expect(known(plain.service)).toBe("registrar");
    expect(plain.connections.map(({ probed }) => probed.problem?.code)).toEqual(["verifier-not-tls"]);

    const secure = await gatherEndpoint(plan(world.registrar.httpsAddress.port, { role: "registrar-http" }), {
      timeoutMs,
    });
    expect(known(secure.speaks)).toBe("tls");
    expect(known(secure.service)).toBe("registrar");

    const right = await gatherEndpoint(plan(plainPort, { role: "registrar-http" }), { timeoutMs });
    expect(known(right.speaks)).toBe("http");
    expect(right.connections).toEqual([]);
    expect(known(right.version)).toMatchObject({ is: "list" });
  });

  it("tells an agent that demands a certificate, and takes the plugin's", async () => {
    const credentials = [own(), await foreign()];
    const facts = await gatherEndpoint(plan(world.agent.address.port, { role: "agent", credentials }), { timeoutMs });
    expect(brief(facts)).toEqual(["none refused 116", "configured accepted 200", "go-default refused 48"]);
    expect(known(facts.version)).toEqual({ is: "list", offered: ["2.1", "2.2", "2.3", "2.4", "2.5"] });
    expect(known(facts.anonymousQuote)).toEqual({ isHandedOut: false, over: "tls", status: undefined });
  });

  it("gets an identity quote from an agent in plain HTTP, and keeps nothing of it", async () => {
    await using open = await startKeylimeWorld({ enrolled: false, agentMtls: false });
    const facts = await gatherEndpoint(plan(open.agent.address.port, { role: "agent" }), { timeoutMs });
    expect(known(facts.speaks)).toBe("http");
    expect(known(facts.anonymousQuote)).toEqual({ isHandedOut: true, over: "http", status: 200 });
    expect(JSON.stringify(facts)).not.toContain('quote\\":');
  });

  it("does not follow a connection that nobody takes", async () => {
    const facts = await gatherEndpoint(plan(await freePort()), { timeoutMs });
    expect(facts.tcp).toEqual([{ address: "127.0.0.1", outcome: "refused", detail: "connection refused" }]);
    expect(facts.connections).toEqual([]);
    expect(facts.speaks).toMatchObject({
      known: false,
      reason: expect.stringMatching(/^no connection to .*connection refused/),
    });
  });

  it("tells a name that does not resolve", async () => {
    const facts = await gatherEndpoint(plan(1, { host: "verifier.invalid" }), { timeoutMs });
    expect(facts.addresses).toMatchObject({
      known: false,
      reason: expect.stringMatching(/ENOTFOUND|EAI_AGAIN|no answer/),
    });
    expect(facts.tcp).toEqual([]);
  });

  it("waits for a peer that says nothing once, not once for each credential", async () => {
    let connections = 0;
    const server = createServer(() => void connections++);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const credentials = [own(), await foreign()];
    const facts = await gatherEndpoint(plan((server.address() as AddressInfo).port, { credentials }), {
      timeoutMs: 700,
    });
    expect(brief(facts)).toEqual(["none unknown probe-timeout"]);
    expect(facts.plain).toEqual({ is: "nothing", text: "no answer within 300 ms" });
    expect(facts.speaks).toMatchObject({ known: false, reason: expect.stringContaining("did not answer") });
    expect(connections).toBe(3);
    server.close();
  });

  it("leaves a ClientHello that a server of plain HTTP waits over, as soon as that shows itself", async () => {
    await using server = await startMisbehavingServer({ onRequest: answer(200, {}) });
    const facts = await gatherEndpoint(plan(server.port), { timeoutMs: 3_600_000 });
    expect([facts.speaks, facts.plain?.is, facts.connections]).toMatchObject([{ value: "http" }, "http", []]);
    expect(server.connections).toBe(3);
  });

  it.each(Object.entries(misbehaviours))("comes to an end with a plain peer that %s", async (_, onRequest) => {
    await using server = await startMisbehavingServer({ onRequest });
    const facts = await gatherEndpoint(plan(server.port, { role: "registrar-http" }), { timeoutMs: 300 });
    expect(facts.service.known).toBe(false);
  });

  it("names the proxy that answers in a service's place", async () => {
    const tls = { cert: world.pki.verifier.chainPem, key: world.pki.verifier.keyPem };
    await using server = await startMisbehavingServer({
      tls,
      onRequest: answer(502, "Bad Gateway", { Server: "nginx/1.22" }),
    });
    const facts = await gatherEndpoint(plan(server.port), { timeoutMs });
    expect(facts.connections[0]).toMatchObject({ server: "nginx/1.22", probed: { http: { status: 502 } } });
    expect(facts.service.known).toBe(false);
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    const server = createServer(() => stop.abort());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const facts = await gatherEndpoint(plan(port), { timeoutMs: 3_600_000, signal: stop.signal });
    expect(facts.speaks.known).toBe(false);
    server.close();
  });
});
