import { describe, expect, it } from "vitest";
import {
  answer,
  type Behaviour,
  type MisbehavingServer,
  misbehaviours,
  routes,
  startMisbehavingServer,
} from "../../test/fakes/misbehaving-server.js";
import { silentLogger } from "../core/logger.js";
import { Problem } from "../core/problem.js";
import { HttpClient } from "../net/http-client.js";
import { KeylimeAgentClient } from "./agent-client.js";
import type { ApiVersion } from "./api-version.js";
import { RegistrarClient } from "./registrar-client.js";
import { agentRole, registrarRole, verifierRole } from "./roles.js";
import { VerifierClient } from "./verifier-client.js";
import { VerifierPool } from "./verifier-pool.js";

const call = { timeoutMs: 2000 };
const versions = (...supported: string[]) =>
  answer(200, {
    code: 200,
    status: "Success",
    results: { current_version: supported.at(-1), supported_versions: supported },
  });
const keylime7143 = versions("1.0", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "3.0");
const success = (results: unknown, headers: Record<string, string> = {}) =>
  answer(200, { code: 200, status: "Success", results }, headers);
const refusal = (code: number, status: string) => answer(code, { code, status, results: {} });
const newRefusal = (code: number, detail: string) =>
  answer(code, { errors: [{ status: String(code), title: "Forbidden", detail }] });
const bare = (code: number) => answer(code, "", { "Content-Type": "text/html" });

/** As Keylime 7.14.3 answers it. */
const agentEntry = {
  operational_state: 3,
  v: null,
  ip: "127.0.0.1",
  port: 9002,
  tpm_policy: '{"mask": "0x400"}',
  meta_data: '{"site": "north"}',
  has_mb_refstate: 0,
  has_runtime_policy: 1,
  accept_tpm_hash_algs: ["sha512", "sha384", "sha256"],
  accept_tpm_encryption_algs: ["ecc", "rsa"],
  accept_tpm_signing_algs: ["ecschnorr", "rsassa"],
  hash_alg: "sha256",
  enc_alg: "rsa2048",
  sign_alg: "rsassa",
  verifier_id: "default",
  verifier_ip: "127.0.0.1",
  verifier_port: 8881,
  severity_level: null,
  last_event_id: null,
  attestation_count: 5,
  last_received_quote: 1_800_000_000,
  last_successful_attestation: 1_800_000_001,
  attestation_status: "PASS",
  attestation_period: "2s",
  maximum_attestation_interval: "10s",
};

const registrarEntry = {
  agent_id: "a1",
  ek_tpm: "AQI=",
  aik_tpm: "AwQ=",
  ekcert: null,
  ip: "127.0.0.1",
  port: 9002,
  mtls_cert: "disabled",
  regcount: 1,
};

type Table = Record<string, Behaviour>;

const httpOf = (server: MisbehavingServer, role = verifierRole) =>
  new HttpClient({ host: "127.0.0.1", port: server.port, role, connectTimeoutMs: 1000, userAgent: "test" });
const pathsOf = ({ requests }: MisbehavingServer) => requests.map((text) => /^\S+ (\S+)/.exec(text)![1]);

async function withVerifier<T>(
  table: Table,
  use: (verifier: VerifierClient, server: MisbehavingServer) => Promise<T>,
  apiVersion: ApiVersion | "auto" = "auto",
): Promise<T> {
  await using server = await startMisbehavingServer({ onRequest: routes({ "/version": keylime7143, ...table }) });
  const verifier = new VerifierClient(httpOf(server), { apiVersion });
  const result = await use(verifier, server);
  verifier.close();
  return result;
}

async function withRegistrar<T>(
  table: Table,
  use: (registrar: RegistrarClient, server: MisbehavingServer) => Promise<T>,
): Promise<T> {
  await using server = await startMisbehavingServer({ onRequest: routes({ "/version": keylime7143, ...table }) });
  const registrar = new RegistrarClient(httpOf(server, registrarRole), { apiVersion: "auto", activationPauseMs: 10 });
  const result = await use(registrar, server);
  registrar.close();
  return result;
}

async function withAgent<T>(
  table: Table,
  use: (agent: KeylimeAgentClient, server: MisbehavingServer) => Promise<T>,
): Promise<T> {
  await using server = await startMisbehavingServer({ onRequest: routes(table) });
  const agent = new KeylimeAgentClient(httpOf(server, agentRole));
  const result = await use(agent, server);
  agent.close();
  return result;
}

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const outcome = await promise.then(
    (value) => value,
    (error) => error,
  );
  expect(outcome).toBeInstanceOf(Problem);
  return outcome as Problem;
}

const told = ({ code, message }: Problem) => `${code}: ${message.replaceAll(/127\.0\.0\.1:\d+/g, "HOST")}`;

describe("VerifierClient.fetchAgent", () => {
  it("returns the whole entry in our words, with the verifier's clock", async () => {
    const agentAnswer = await withVerifier(
      { "/v2.6/agents/a1": success(agentEntry, { Date: "Fri, 15 Jan 2027 08:00:05 GMT" }) },
      (verifier) => verifier.fetchAgent("a1", call),
    );
    expect({ ...agentAnswer, origin: undefined }).toEqual({
      origin: undefined,
      verifierNowMs: 1_800_000_005_000,
      agent: {
        agentId: "a1",
        operationalState: 3,
        attestationStatus: "PASS",
        attestationPeriodMs: 2000,
        maximumAttestationIntervalMs: 10_000,
        attestationCount: 5,
        lastReceivedQuoteMs: 1_800_000_000_000,
        lastSuccessfulAttestationMs: 1_800_000_001_000,
        severityLevel: undefined,
        lastEventId: undefined,
        mode: "pull",
        ip: "127.0.0.1",
        port: 9002,
        hasRuntimePolicy: true,
        hasMeasuredBootPolicy: false,
        metadata: { site: "north" },
        tpmPolicy: { mask: "0x400" },
        acceptedHashAlgs: ["sha512", "sha384", "sha256"],
        acceptedEncryptionAlgs: ["ecc", "rsa"],
        acceptedSigningAlgs: ["ecschnorr", "rsassa"],
        hashAlg: "sha256",
        encAlg: "rsa2048",
        signAlg: "rsassa",
        verifierId: "default",
        verifierIp: "127.0.0.1",
        verifierPort: 8881,
      },
    });
  });

  it("reads a push agent, and an entry of a server before 2.5, without guessing", async () => {
    const { attestation_status: _1, attestation_period: _2, maximum_attestation_interval: _3, ...old } = agentEntry;
    const entry = { ...old, ip: null, port: null, hash_alg: "", attestation_count: null, meta_data: "no json" };
    const { agent } = await withVerifier({ "/v2.6/agents/a1": success(entry) }, (verifier) =>
      verifier.fetchAgent("a1", call),
    );
    expect(agent).toMatchObject({
      mode: "push",
      attestationStatus: undefined,
      maximumAttestationIntervalMs: undefined,
      hashAlg: undefined,
      attestationCount: undefined,
      metadata: undefined,
    });
  });

  it.each<[string, Behaviour, string]>([
    [
      "an unknown agent",
      refusal(404, "agent id not found"),
      "agent-not-enrolled: cannot read agent a1: the verifier does not know the agent; the Keylime verifier answered status 404: agent id not found (GET http://HOST/v2.6/agents/a1)",
    ],
    [
      "a missing client certificate",
      newRefusal(403, "Action read_agent requires authentication"),
      "client-cert-not-sent: cannot read agent a1: the verifier saw no client certificate that it accepts; the Keylime verifier answered status 403: Action read_agent requires authentication (GET http://HOST/v2.6/agents/a1)",
    ],
    [
      "a registrar's 404",
      refusal(404, "Agent with ID 'a1' not found"),
      "verifier-is-registrar: cannot read agent a1: a Keylime registrar listens there; the Keylime verifier answered status 404: Agent with ID 'a1' not found (GET http://HOST/v2.6/agents/a1)",
    ],
    [
      "a registrar's 403",
      newRefusal(403, "Action read_registration requires admin authentication (mTLS certificate)"),
      "verifier-is-registrar: cannot read agent a1: a Keylime registrar listens there; the Keylime verifier answered status 403: Action read_registration requires admin authentication (mTLS certificate) (GET http://HOST/v2.6/agents/a1)",
    ],
    [
      "a registrar's entry",
      success(registrarEntry),
      "verifier-is-registrar: cannot read agent a1: a Keylime registrar listens there; the Keylime verifier answered status 200: Success (GET http://HOST/v2.6/agents/a1)",
    ],
    [
      "an empty 500",
      bare(500),
      "server-error: cannot read agent a1: the Keylime verifier answered status 500 without a word (GET http://HOST/v2.6/agents/a1)",
    ],
    [
      "a redirect",
      answer(307, "", { Location: "/v3.0/" }),
      "bad-answer: cannot read agent a1: the Keylime verifier answered status 307 without a word (GET http://HOST/v2.6/agents/a1)",
    ],
    [
      "truncated JSON",
      answer(200, '{"results":{"operational_state":3'),
      "bad-answer: cannot read agent a1: the Keylime verifier answered status 200: broken JSON (GET http://HOST/v2.6/agents/a1)",
    ],
    [
      "a list for an object",
      success([]),
      "bad-answer: cannot read agent a1: the Keylime verifier answered status 200: Success (GET http://HOST/v2.6/agents/a1)",
    ],
    [
      "a state that is text",
      success({ ...agentEntry, operational_state: "3" }),
      "bad-answer: cannot read agent a1: the Keylime verifier sent an answer that makes no sense: field operational_state: expected an integer, found string (GET http://HOST/v2.6/agents/a1)",
    ],
    [
      "no state",
      success({}),
      "bad-answer: cannot read agent a1: the Keylime verifier sent an answer that makes no sense: field operational_state is missing (GET http://HOST/v2.6/agents/a1)",
    ],
    [
      "a count that is none",
      success({ ...agentEntry, attestation_count: 1.5 }),
      "bad-answer: cannot read agent a1: the Keylime verifier sent an answer that makes no sense: field attestation_count: expected an integer, found number (GET http://HOST/v2.6/agents/a1)",
    ],
  ])("tells %s", async (_name, behaviour, expected) => {
    expect(
      told(
        await withVerifier({ "/v2.6/agents/a1": behaviour }, (verifier) => problemOf(verifier.fetchAgent("a1", call))),
      ),
    ).toBe(expected);
  });

  it("makes one short printable line of whatever a server says", async () => {
    const noise = answer(502, `<html>\n\u001b[31m${"long ".repeat(1000)}`);
    const { message } = await withVerifier({ "/v2.6/agents/a1": noise }, (verifier) =>
      problemOf(verifier.fetchAgent("a1", { ...call, attempts: 1 })),
    );
    expect(message).toMatch(/^cannot read agent a1: the Keylime verifier answered status 502: <html> \[31mlong long /);
    expect(message.length).toBeLessThan(600);
  });

  it.each(["..", ".", "", "a/b", "a?b", "a b", "ä", "x".repeat(81)])(
    "never asks for the agent id %j",
    async (agentId) => {
      await withVerifier({}, async (verifier, server) => {
        const problem = await problemOf(verifier.fetchAgent(agentId, call));
        const question = await problemOf(
          verifier.verifyIdentity({ agentId, quote: "q", nonce: "n", hashAlg: "sha256" }, call),
        );
        expect([problem.code, question.code, server.requests]).toEqual(["bad-agent-id", "bad-agent-id", []]);
      });
    },
  );
});

describe("VerifierClient.verifyIdentity", () => {
  const question = { agentId: "a1", quote: "rSECRETQUOTE:b+/=:c", nonce: "SECRETNONCE", hashAlg: "sha256" };
  const ask = (behaviour: Behaviour) =>
    withVerifier({ "/v2.6/verify/identity": behaviour }, (verifier) => verifier.verifyIdentity(question, call));

  it("asks with every parameter encoded", async () => {
    const paths = await withVerifier({ "/v2.6/verify/identity": success({ valid: 1 }) }, async (verifier, server) => {
      await verifier.verifyIdentity(question, call);
      return pathsOf(server);
    });
    expect(paths).toEqual([
      "/version",
      "/v2.6/verify/identity?agent_uuid=a1&hash_alg=sha256&nonce=SECRETNONCE&quote=rSECRETQUOTE%3Ab%2B%2F%3D%3Ac",
    ]);
  });

  it.each([1, true])("takes valid = %j for a yes", async (valid) =>
    expect(await ask(success({ valid }))).toEqual({ valid: true, reasons: [] }),
  );

  it.each([0, false])("takes valid = %j for a no, with the verifier's reasons", async (valid) => {
    const reason =
      '{"message":"Quote data validation","error":"The nonce from the attestation differs from the expected nonce"}; {"message":"x; y","data":"SECRETNONCE"}; {"data":"SECRETNONCE"}';
    expect(await ask(success({ valid, reason }))).toEqual({
      valid: false,
      reasons: [
        "Quote data validation: The nonce from the attestation differs from the expected nonce",
        "x; y",
        '{"data":"…"}',
      ],
    });
  });

  it.each(["1", 2, null, {}, [1], "true"])("takes valid = %j for no verdict at all", async (valid) => {
    expect((await problemOf(ask(success({ valid })))).code).toBe("bad-answer");
  });

  it("never repeats nonce or quote, whatever the server says back", async () => {
    for (const behaviour of [
      refusal(400, `bad ${question.nonce} ${question.quote}`),
      answer(500, question.quote),
      misbehaviours["resets the connection"],
    ]) {
      const problem = await problemOf(ask(behaviour));
      expect(`${problem.message} ${problem.hint} ${JSON.stringify(problem)}`).not.toMatch(/SECRET/);
    }
  });

  it("tells an agent the verifier does not know", async () =>
    expect((await problemOf(ask(refusal(404, "agent id not found")))).code).toBe("agent-not-enrolled"));
});

describe("API versions", () => {
  const versionOf = (offered: Behaviour, apiVersion: ApiVersion | "auto" = "auto") =>
    withVerifier(
      {
        "/version": offered,
        ...Object.fromEntries(
          ["2.2", "2.3", "2.4", "2.5", "2.6"].map((each) => [`/v${each}/agents/a1`, success(agentEntry)]),
        ),
      },
      async (verifier, server) => {
        await verifier.fetchAgent("a1", call);
        await verifier.fetchAgent("a1", call);
        return pathsOf(server);
      },
      apiVersion,
    );

  it.each<[string, Behaviour, string]>([
    ["7.14.3", keylime7143, "2.6"],
    ["7.14.0", versions("1.0", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "3.0"), "2.5"],
    ["7.11.0", versions("1.0", "2.0", "2.1", "2.2"), "2.2"],
    ["a later one", versions("2.5", "2.6", "2.7", "3.1"), "2.6"],
  ])("of %s are asked once, and the newest common one is used", async (_name, offered, version) => {
    expect(await versionOf(offered)).toEqual(["/version", `/v${version}/agents/a1`, `/v${version}/agents/a1`]);
  });

  it("are not asked when one is fixed", async () =>
    expect(await versionOf(keylime7143, "2.3")).toEqual(["/v2.3/agents/a1", "/v2.3/agents/a1"]));

  it.each<[string, Behaviour, RegExp]>([
    [
      "2.1 alone",
      versions("1.0", "2.0", "2.1"),
      /^verifier-api-version: the Keylime verifier at http:\/\/HOST speaks no API version in common with this program: it offers 1.0, 2.0, 2.1, wanted 2.2 to 2.6$/,
    ],
    ["3.0 alone", versions("3.0"), /it offers 3.0, wanted 2.2 to 2.6$/],
    ["nonsense", success({ supported_versions: [1, {}] }), /it offers none, wanted/],
    ["push mode's 410", bare(410), /^agent-push-mode: cannot agree on an API version: the verifier runs in push mode/],
    ["nothing at all", bare(404), /^verifier-api-version: cannot agree on an API version: /],
  ])("refuse %s", async (_name, offered, expected) => {
    expect(
      told(await problemOf(withVerifier({ "/version": offered }, (verifier) => verifier.fetchAgent("a1", call)))),
    ).toMatch(expected);
  });

  it.each<[string, Behaviour]>([
    ["an empty 404", bare(404)],
    ["a 400 of words", refusal(400, "API Version not supported")],
  ])("are asked anew when the server was changed and answers with %s", async (_name, refused) => {
    let upgraded = false;
    const table: Table = {
      "/version": (...request) => (upgraded ? versions("2.2") : versions("2.2", "2.6"))(...request),
      "/v2.6/agents/a1": (...request) => (upgraded ? refused : success(agentEntry))(...request),
      "/v2.2/agents/a1": success(agentEntry),
    };
    const paths = await withVerifier(table, async (verifier, server) => {
      await verifier.fetchAgent("a1", call);
      upgraded = true;
      await verifier.fetchAgent("a1", call);
      return pathsOf(server);
    });
    expect(paths).toEqual(["/version", "/v2.6/agents/a1", "/v2.6/agents/a1", "/version", "/v2.2/agents/a1"]);
  });
});

describe("RegistrarClient", () => {
  it("returns the entry in our words", async () => {
    const pem = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
    const fetch = (entry: unknown) =>
      withRegistrar({ "/v2.6/agents/a1": success(entry) }, (registrar) => registrar.fetchAgent("a1", call));
    expect(await fetch(registrarEntry)).toEqual({
      agentId: "a1",
      akTpm: Buffer.from([3, 4]),
      ekTpm: Buffer.from([1, 2]),
      ekCert: undefined,
      ip: "127.0.0.1",
      port: 9002,
      mtlsCert: "disabled",
      registrationCount: 1,
    });
    expect(await fetch({ aik_tpm: "AwQ=", mtls_cert: pem })).toMatchObject({ mtlsCert: { pem }, ekTpm: undefined });
  });

  it.each<[string, Behaviour, string]>([
    ["an unknown agent", refusal(404, "Agent with ID 'a1' not found"), "agent-not-registered"],
    ["an inactive agent", refusal(404, "Agent with ID 'a1' has not been activated"), "agent-not-active"],
    [
      "a refused client",
      newRefusal(403, "Action read_registration requires admin authentication (mTLS certificate)"),
      "registrar-refuses-client",
    ],
    ["another agent's entry", success({ ...registrarEntry, agent_id: "a2" }), "bad-answer"],
    ["no attestation key", success({ ...registrarEntry, aik_tpm: null }), "bad-answer"],
    ["an attestation key that is no base64", success({ ...registrarEntry, aik_tpm: "***" }), "bad-answer"],
  ])("tells %s", async (_name, behaviour, code) => {
    expect(
      (
        await withRegistrar({ "/v2.6/agents/a1": behaviour }, (registrar) =>
          problemOf(registrar.fetchAgent("a1", call)),
        )
      ).code,
    ).toBe(code);
  });

  it("asks once more while an agent registers anew", async () => {
    let asked = 0;
    const table: Table = {
      "/v2.6/agents/a1": (...request) =>
        (asked++ === 0 ? refusal(404, "Agent with ID 'a1' has not been activated") : success(registrarEntry))(
          ...request,
        ),
    };
    expect((await withRegistrar(table, (registrar) => registrar.fetchAgent("a1", call))).agentId).toBe("a1");
    expect(asked).toBe(2);
  });

  it("speaks 2.2 to one without /version", async () => {
    const table: Table = { "/version": bare(404), "/v2.2/agents/a1": success(registrarEntry) };
    expect((await withRegistrar(table, (registrar) => registrar.fetchAgent("a1", call))).agentId).toBe("a1");
  });
});

describe("KeylimeAgentClient", () => {
  const rust = success({ supported_version: "2.5", supported_versions: ["2.1", "2.2", "2.3", "2.4", "2.5"] });
  const info = success({
    agent_uuid: "a1",
    tpm_hash_alg: "sha256",
    tpm_enc_alg: "rsa2048",
    tpm_sign_alg: "rsassa",
    ak_handle: 1,
  });
  const quote = success({ quote: "rA:B:C", hash_alg: "sha256", enc_alg: "rsa2048", sign_alg: "rsassa", pubkey: "x" });

  it("returns what the agent is and its quote", async () => {
    const both = await withAgent(
      { "/version": rust, "/v2.5/agent/info": info, "/v2.5/quotes/identity": quote },
      async (agent, server) => [
        await agent.fetchInfo(call),
        await agent.fetchIdentityQuote("ABC234", call),
        pathsOf(server),
      ],
    );
    expect(both).toEqual([
      { agentId: "a1", hashAlg: "sha256", encAlg: "rsa2048", signAlg: "rsassa" },
      { quote: "rA:B:C", hashAlg: "sha256", encAlg: "rsa2048", signAlg: "rsassa" },
      ["/version", "/v2.5/agent/info", "/v2.5/quotes/identity?nonce=ABC234"],
    ]);
  });

  it("takes the single version of older agents", async () => {
    const table = { "/version": success({ supported_version: "2.2" }), "/v2.2/agent/info": info };
    expect((await withAgent(table, (agent) => agent.fetchInfo(call))).agentId).toBe("a1");
  });

  it.each<[string, Table, string]>([
    ["one that speaks 2.1 only", { "/version": success({ supported_version: "2.1" }) }, "agent-api-version"],
    [
      "one that lacks agent/info",
      {
        "/version": rust,
        "/v2.5/agent/info": refusal(400, "Not Implemented: Use /agent, /keys, or /quotes interfaces"),
      },
      "agent-api-version",
    ],
    ["a refusal", { "/version": rust, "/v2.5/agent/info": refusal(400, "other") }, "bad-answer"],
    ["an error", { "/version": rust, "/v2.5/agent/info": refusal(500, "TPM") }, "server-error"],
  ])("tells %s", async (_name, table, code) =>
    expect((await withAgent(table, (agent) => problemOf(agent.fetchInfo(call)))).code).toBe(code),
  );

  it("keeps a quote that arrives in half out of the message", async () => {
    const table = { "/version": rust, "/v2.5/quotes/identity": answer(200, '{"results":{"quote":"rSECRET') };
    const problem = await withAgent(table, (agent) => problemOf(agent.fetchIdentityQuote("A", call)));
    expect([problem.code, JSON.stringify(problem), problem.message].join()).not.toContain("SECRET");
  });

  it("keeps the nonce out of a refusal", async () => {
    const table = {
      "/version": rust,
      "/v2.5/quotes/identity": refusal(400, "Parameters should be strictly alphanumeric: SECRET!"),
    };
    expect(
      (await withAgent(table, (agent) => problemOf(agent.fetchIdentityQuote("SECRET!", call)))).message,
    ).not.toContain("SECRET");
  });
});

describe("retries", () => {
  it("ask again after 503, not after 500", async () => {
    let asked = 0;
    const later: Behaviour = (...request) => (asked++ === 0 ? bare(503) : success(agentEntry))(...request);
    await withVerifier({ "/v2.6/agents/a1": later }, (verifier) => verifier.fetchAgent("a1", call));
    expect(asked).toBe(2);
    const paths = await withVerifier({ "/v2.6/agents/a1": bare(500) }, async (verifier, server) => {
      await problemOf(verifier.fetchAgent("a1", call));
      return pathsOf(server);
    });
    expect(paths).toHaveLength(2);
  });

  it.each(Object.keys(misbehaviours) as (keyof typeof misbehaviours)[])(
    "end within the caller's time when the peer %s",
    async (name) => {
      await withVerifier({ "/v2.6/agents/a1": misbehaviours[name] }, async (verifier) => {
        const startMs = performance.now();
        await problemOf(verifier.fetchAgent("a1", { timeoutMs: 500 }));
        expect(performance.now() - startMs).toBeLessThan(1500);
      });
    },
  );

  it("stop when the caller gives up", async () => {
    const controller = new AbortController();
    await withVerifier({ "/v2.6/agents/a1": bare(503) }, async (verifier) => {
      const running = problemOf(
        verifier.fetchAgent("a1", { timeoutMs: 10_000, attempts: 10, signal: controller.signal }),
      );
      setTimeout(() => controller.abort(), 50);
      expect((await running).code).toBe("aborted");
    });
  });
});

describe("VerifierPool", () => {
  async function withPool<T>(
    first: Table,
    second: Table,
    use: (pool: VerifierPool, servers: MisbehavingServer[], clock: { now: number }) => Promise<T>,
  ): Promise<T> {
    await using a = await startMisbehavingServer({ onRequest: routes({ "/version": keylime7143, ...first }) });
    await using b = await startMisbehavingServer({ onRequest: routes({ "/version": keylime7143, ...second }) });
    const clock = { now: 0 };
    const members = [a, b].map((server) => new VerifierClient(httpOf(server), { apiVersion: "2.6" }));
    const pool = new VerifierPool(members, { clock: { nowMs: () => clock.now }, logger: silentLogger });
    const result = await use(pool, [a, b], clock);
    pool.close();
    return result;
  }
  const good: Table = { "/v2.6/agents/a1": success(agentEntry) };
  const counts = (servers: MisbehavingServer[]) => servers.map(({ requests }) => requests.length);

  it("takes its members in turn", async () => {
    await withPool(good, good, async (pool, servers) => {
      for (let i = 0; i < 4; i++) await pool.fetchAgent("a1", call);
      expect(counts(servers)).toEqual([2, 2]);
    });
  });

  it.each<[string, Behaviour]>([
    ["resets", misbehaviours["resets the connection"]],
    ["hangs", misbehaviours["says nothing"]],
    ["has an error of its own", bare(500)],
    ["is a registrar", refusal(404, "Agent with ID 'a1' not found")],
  ])("passes over a member that %s, rests it, and tries it again later", async (_name, behaviour) => {
    await withPool({ "/v2.6/agents/a1": behaviour }, good, async (pool, servers, clock) => {
      for (let i = 0; i < 5; i++) await pool.fetchAgent("a1", { timeoutMs: 1000 });
      expect(counts(servers)).toEqual([1, 5]);
      clock.now += 2000;
      for (let i = 0; i < 2; i++) await pool.fetchAgent("a1", { timeoutMs: 1000 });
      expect(counts(servers)).toEqual([2, 7]);
    });
  });

  it("believes the first that says anything about the agent", async () => {
    await withPool({ "/v2.6/agents/a1": refusal(404, "agent id not found") }, good, async (pool, servers) => {
      expect((await problemOf(pool.fetchAgent("a1", call))).code).toBe("agent-not-enrolled");
      expect(counts(servers)).toEqual([1, 0]);
    });
  });

  it("learns nothing of a member from a call that was given up", async () => {
    const hanging = { "/v2.6/agents/a1": misbehaviours["says nothing"] };
    await withPool(hanging, good, async (pool, servers, clock) => {
      const short = { timeoutMs: 400 };
      await pool.fetchAgent("a1", short);
      clock.now += 2000;
      await pool.fetchAgent("a1", short);
      expect((await problemOf(pool.fetchAgent("a1", { ...call, signal: AbortSignal.timeout(50) }))).code).toBe(
        "aborted",
      );
      for (let i = 0; i < 2; i++) await pool.fetchAgent("a1", short);
      expect(counts(servers)).toEqual([3, 4]);
      // Its second failure in a row: it rests for twice as long as after the first.
      clock.now += 1400;
      for (let i = 0; i < 2; i++) await pool.fetchAgent("a1", short);
      expect(counts(servers)).toEqual([3, 6]);
    });
  });

  it("tries resting members all the same when no other is left, and tells the last failure", async () => {
    const broken = { "/v2.6/agents/a1": misbehaviours["closes without a word"] };
    await withPool(broken, broken, async (pool) => {
      for (let i = 0; i < 2; i++) expect((await problemOf(pool.fetchAgent("a1", call))).code).toBe("closed");
    });
  });
});
