import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type KeylimeWorld, startKeylimeWorld } from "../../../../test/fakes/keylime-world.js";
import { startMisbehavingServer } from "../../../../test/fakes/misbehaving-server.js";
import { freePort } from "../../../../test/support/free-port.js";
import { readCertificate } from "../../../x509/certificate.js";
import { known, unknown } from "../fact.js";
import { gatherNode, type NodePlan, type ServiceAccess } from "./gather-node.js";

let world: KeylimeWorld;
beforeAll(async () => {
  world = await startKeylimeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const options = { timeoutMs: 8000 };
const noConfiguration = unknown("no agent.conf", "agent.conf");

function access(port: number, certificate = true): ServiceAccess {
  const file = (path: string, key: string) => ({ path, key, isDefault: false });
  const { ca, cert, key } = world.files;
  const own = { cert: file(cert, "cert"), key: file(key, "key") };
  return {
    host: "127.0.0.1",
    port,
    serverName: "127.0.0.1",
    files: { ca: file(ca, "ca"), ...(certificate ? own : {}) },
  };
}

const plan = (changes: Partial<NodePlan> = {}): NodePlan => ({
  agent: access(world.agent.address.port),
  registrar: access(world.registrar.httpsAddress.port),
  verifier: access(world.verifier.address.port),
  configuredId: noConfiguration,
  ...changes,
});

describe("gatherNode", () => {
  it("tells an attested node as agent, registrar and verifier know it", async () => {
    const facts = await gatherNode(plan(), options);
    const { port } = world.agent.address;
    expect(facts.agentId).toEqual({
      known: true,
      value: world.agentId,
      source: `the Keylime agent at https://127.0.0.1:${port}`,
    });
    expect(facts.registrar).toMatchObject({
      known: true,
      value: {
        is: "registered",
        entry: {
          ip: "127.0.0.1",
          port,
          registrationCount: 1,
          mtlsCert: readCertificate(world.pki.agent.certPem),
          hasEkCertificate: false,
        },
      },
    });
    expect(facts.verifier).toMatchObject({
      known: true,
      value: {
        is: "enrolled",
        agent: { agentId: world.agentId, attestationCount: 1, port },
        verifierNowMs: expect.any(Number),
      },
    });
    expect(JSON.parse(JSON.stringify(facts))).toEqual(facts);
  });

  it("takes the configured UUID when the Keylime agent does not tell, and tells what nobody knows", async () => {
    const facts = await gatherNode(
      plan({
        agent: access(await freePort()),
        configuredId: known("d432fbb3-d2f1-4a97-9ef7-75bd81c00000", "agent.conf:3"),
      }),
      options,
    );
    expect(facts.info).toMatchObject({ known: false, reason: expect.stringContaining("connection refused") });
    expect(facts.agentId).toMatchObject({ known: true, source: "agent.conf:3" });
    expect(facts.registrar).toMatchObject({ known: true, value: { is: "not-registered" } });
    expect(facts.verifier).toMatchObject({ known: true, value: { is: "not-enrolled" } });
  });

  it("asks nobody for a node whose UUID is not known", async () => {
    const facts = await gatherNode(plan({ agent: "no agent plugin is configured" }), options);
    const reason = "the node's UUID is not known: no agent plugin is configured; no agent.conf";
    expect(facts.registrar).toMatchObject({ known: false, reason });
    expect(facts.verifier).toMatchObject({ known: false, reason });
  });

  it("is unknown, with the reason, where a certificate is missing or refused and where a peer hangs", async () => {
    await using silent = await startMisbehavingServer({ onRequest: () => {} });
    const missing = access(1);
    missing.files = { ca: { path: "/missing/ca.crt", key: "keylime_tls_ca_cert_file", isDefault: false } };
    const facts = await gatherNode(
      plan({
        agent: { host: "127.0.0.1", port: silent.port, serverName: "127.0.0.1" },
        registrar: missing,
        verifier: access(world.verifier.address.port, false),
        configuredId: known(world.agentId, "agent.conf:3"),
      }),
      { timeoutMs: 500 },
    );
    expect(facts.info).toMatchObject({ known: false, reason: expect.stringContaining("did not answer within") });
    expect(facts.registrar).toMatchObject({ known: false, reason: expect.stringContaining('"/missing/ca.crt"') });
    expect(facts.verifier).toMatchObject({ known: false, reason: expect.stringContaining("status 403") });
  });
});
