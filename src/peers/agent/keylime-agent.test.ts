import { createHash, createHmac, publicEncrypt, randomBytes, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect as connectTcp } from "node:net";
import { type ConnectionOptions, connect } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { keyName } from "../../formats/tpm/public-area.js";
import { verifyQuote } from "../../keylime/quote.js";
import { type CertificateAuthority, createRootCa, type IssuedCertificate } from "../pki/authority.js";
import { authTag, makeCredential } from "../tpm/make-credential.js";
import { SoftwareTpm } from "../tpm/software-tpm.js";
import { type AgentTls, type KeylimeAgent, type KeylimeAgentOptions, startKeylimeAgent } from "./keylime-agent.js";

const agentId = "d432fbb3-d2f1-4a97-9ef7-75bd81c00000";
const listen = { host: "127.0.0.1", port: 0 };
const nobody = { host: "127.0.0.1", port: 1 };
const nonce = "1234567890ABCDEFHIJK";

const running: { stop(): Promise<unknown> }[] = [];
let tpm: SoftwareTpm;
/** For what leaves nothing behind; each agent makes an RSA key when it starts. */
let shared: KeylimeAgent;

afterAll(() => shared.stop());

beforeAll(async () => {
  tpm = await SoftwareTpm.create();
  shared = await startKeylimeAgent({ tpm, agentId, listen, registrar: nobody });
});

afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

async function start(options: Partial<KeylimeAgentOptions> = {}): Promise<KeylimeAgent> {
  const agent = await startKeylimeAgent({ tpm, agentId, listen, registrar: nobody, ...options });
  running.push(agent);
  return agent;
}

async function call(agent: KeylimeAgent, path: string, init?: RequestInit) {
  const response = await fetch(`http://127.0.0.1:${agent.address.port}${path}`, init);
  const text = await response.text();
  return { status: response.status, json: text === "" ? undefined : JSON.parse(text) };
}

function refused(code: number, status: string) {
  return { status: code, json: { code, status, results: {} } };
}

function orderFor(results: { quote: string; hash_alg: string }, akPublic = tpm.akPublic) {
  return {
    quote: results.quote,
    nonce,
    akPublic,
    hashAlg: results.hash_alg,
    allowedHashAlgs: ["sha256", "sha384"],
    allowedSignAlgs: ["rsassa", "ecdsa"],
  };
}

describe("/version", () => {
  it("lists every version in a newer agent", async () => {
    expect(await call(shared, "/version")).toEqual({
      status: 200,
      json: {
        code: 200,
        status: "Success",
        results: { supported_version: "2.5", supported_versions: ["2.1", "2.2", "2.3", "2.4", "2.5"] },
      },
    });
  });

  it("names the newest only in an agent before 0.2.9", async () => {
    const { json } = await call(await start({ apiVersions: ["2.1", "2.2"] }), "/version");
    expect(json.results).toEqual({ supported_version: "2.2" });
  });
});

describe("/agent/info", () => {
  it.each([
    ["2.2", "rsa"],
    ["2.5", "rsa2048"],
  ])("spells the encryption algorithm as v%s does", async (version, encryption) => {
    const { json } = await call(shared, `/v${version}/agent/info`);
    expect(json.results).toEqual({
      agent_uuid: agentId,
      tpm_hash_alg: "sha256",
      tpm_enc_alg: encryption,
      tpm_sign_alg: "rsassa",
      ak_handle: 0x81010002,
    });
  });

  it("does not exist at v2.1", async () => {
    const text = "Not Implemented: Use /agent, /keys, or /quotes interfaces";
    expect(await call(shared, "/v2.1/agent/info")).toEqual(refused(400, text));
  });
});

describe("quotes", () => {
  it("of identity are over PCR 16, which holds the payload key handed out", async () => {
    const { json } = await call(shared, `/v2.5/quotes/identity?nonce=${nonce}`);
    const { quote, pubkey, ...rest } = json.results;
    expect(rest).toEqual({ hash_alg: "sha256", enc_alg: "rsa2048", sign_alg: "rsassa" });
    expect(pubkey).toMatch(/^-----BEGIN PUBLIC KEY-----\n.*\n-----END PUBLIC KEY-----\n$/s);
    const verdict = verifyQuote(orderFor({ quote, hash_alg: "sha256" }));
    expect(verdict).toMatchObject({ accepted: true, attest: { selections: [{ pcrs: [16] }] } });
    const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest();
    expect(tpm.readPcr(16)).toEqual(sha256(Buffer.concat([Buffer.alloc(32), sha256(Buffer.from(pubkey))])));
  });

  it.each(["rsa2048", "ecc256"] as const)(
    "of integrity cover the mask and PCR 16, with the IMA list (%s)",
    async (kind) => {
      const own = await SoftwareTpm.create({ ek: kind, ak: kind, akHash: "sha384" });
      const agent = await start({ tpm: own, imaLog: "10 a\n10 b\n10 c\n" });
      const path = `/v2.5/quotes/integrity?nonce=${nonce}&mask=0x408401&partial=`;
      const first = (await call(agent, `${path}0`)).json.results;
      expect(verifyQuote(orderFor(first, own.akPublic))).toMatchObject({
        accepted: true,
        hashAlg: "sha384",
        attest: { selections: [{ pcrs: [0, 10, 15, 16, 22] }] },
      });
      expect(first).toMatchObject({ ima_measurement_list: "10 a\n10 b\n10 c\n", ima_measurement_list_entry: 0 });
      expect(Object.keys(first)).toContain("pubkey");
      const later = (await call(agent, `${path}1&ima_ml_entry=2`)).json.results;
      expect(later).toMatchObject({ ima_measurement_list: "10 c\n", ima_measurement_list_entry: 2 });
      expect(Object.keys(later)).not.toContain("pubkey");
      const none = (await call(agent, `${path}1&ima_ml_entry=3`)).json.results;
      expect(none).toMatchObject({ ima_measurement_list: "", ima_measurement_list_entry: 3 });
      const startedOver = (await call(agent, `${path}1&ima_ml_entry=5`)).json.results;
      expect(startedOver).toMatchObject({ ima_measurement_list: "10 a\n10 b\n10 c\n", ima_measurement_list_entry: 0 });
    },
  );

  it("stay right when many are asked for at once on a slow TPM", async () => {
    const agent = await start({ delays: { quoteMs: 5 } });
    const nonces = Array.from({ length: 20 }, (_, index) => `nonce${index}`);
    const answers = await Promise.all(nonces.map((one) => call(agent, `/v2.5/quotes/identity?nonce=${one}`)));
    const verdicts = answers.map(({ json }, index) =>
      verifyQuote({ ...orderFor(json.results), nonce: nonces[index]! }),
    );
    expect(verdicts.map((verdict) => verdict.accepted)).toEqual(nonces.map(() => true));
    expect(agent.served).toEqual(new Map([["/quotes/identity", 20]]));
  });

  it("are made of the next boot's PCRs after a reboot", async () => {
    const own = await SoftwareTpm.create({ ek: "ecc256", ak: "ecc256" });
    const agent = await start({ tpm: own });
    own.extend(1, randomBytes(32));
    own.reboot();
    const { json } = await call(agent, `/v2.5/quotes/integrity?nonce=${nonce}&mask=0x2&partial=1`);
    expect(verifyQuote(orderFor(json.results, own.akPublic))).toMatchObject({
      accepted: true,
      attest: { clock: { resetCount: 2 } },
    });
    expect(own.readPcr(1)).toEqual(Buffer.alloc(32));
  });
});

describe("refusals in the Rust agent's words", () => {
  const long = "n".repeat(65);
  it.each([
    ["/v2.7/agent/info", 400, "API version not supported: v2.7"],
    ["/", 400, "Not Implemented: Use /2.1, /2.2, /2.3, /2.4, /2.5 or /version interfaces"],
    ["/v3/agents", 400, "Not Implemented: Use /2.1, /2.2, /2.3, /2.4, /2.5 or /version interfaces"],
    ["/v2.5", 400, "Not Implemented: Use /agent, /keys, or /quotes interfaces"],
    ["/v2.5/constructor/x", 400, "Not Implemented: Use /agent, /keys, or /quotes interfaces"],
    ["/v2.5/agent/x", 400, "URI not supported, only /info is supported for GET in /agent interface"],
    [
      "/v2.5/quotes/x",
      400,
      "URI not supported, only /identity and /integrity are supported for GET in /quotes/ interface",
    ],
    ["/v2.5/keys/x", 400, "URI not supported, only /pubkey and /verify are supported for GET in /keys interface"],
    ["/v2.5/notifications/x", 405, "Method is not supported in /notifications/ interface"],
    ["/v2.5/quotes/identity", 400, "Query deserialize error: missing field `nonce`"],
    ["/v2.5/quotes/identity?nonce=a&nonce=b", 400, "Query deserialize error: duplicate field `nonce`"],
    ["/v2.5/quotes/identity?nonce=a-b", 400, "Parameters should be strictly alphanumeric: a-b"],
    [`/v2.5/quotes/identity?nonce=${long}`, 400, `Nonce is too long (max size 64): ${long}`],
    ["/v2.5/quotes/integrity?nonce=a", 400, "Query deserialize error: missing field `mask`"],
    ["/v2.5/quotes/integrity?nonce=a-b&mask=0&partial=0", 400, "nonce should be strictly alphanumeric: a-b"],
    ["/v2.5/quotes/integrity?nonce=a&mask=-1&partial=0", 400, "mask should be strictly alphanumeric: -1"],
    ["/v2.5/quotes/integrity?nonce=a&mask=g&partial=0", 400, "mask should be a hex encoded 32-bit integer: g"],
    ["/v2.5/quotes/integrity?nonce=a&mask=0x&partial=0", 400, "mask should be a hex encoded 32-bit integer: 0x"],
    [`/v2.5/quotes/integrity?nonce=${long}&mask=0&partial=0`, 400, "Nonce is too long (max size: 64): 65"],
    ["/v2.5/quotes/integrity?nonce=a&mask=0&partial=2", 400, "uri must contain key 'partial' and value '0' or '1'"],
    ["/v2.5/quotes/integrity?nonce=a&mask=0x1000000&partial=0", 500, "Unable to retrieve quote"],
    ["/v2.5/keys/verify?challenge=", 400, "No challenge provided."],
    ["/v2.5/keys/verify?challenge=abc", 400, "Bootstrap key not yet available."],
  ] as const)("GET %s", async (path, code, status) => {
    expect(await call(shared, path)).toEqual(refused(code, status));
  });

  it("for methods and bodies that do not fit", async () => {
    const post = (path: string, body: string) => call(shared, path, { method: "POST", body });
    expect(await call(shared, "/v2.5/quotes/identity?nonce=a", { method: "DELETE" })).toEqual({ status: 405 });
    expect(await call(shared, "/x", { method: "DELETE" })).toEqual(refused(405, "Method is not supported"));
    expect((await post("/v2.5/keys/vkey", "{")).json.status).toBe("Json deserialize error: invalid JSON");
    expect((await post("/v2.5/keys/vkey", "{}")).json.status).toBe("Json deserialize error: missing or wrong field");
    const undecipherable = JSON.stringify({ encrypted_key: "AAAA" });
    expect(await post("/v2.5/keys/vkey", undecipherable)).toEqual(refused(400, "Failed to decrypt encrypted_key"));
    expect((await post("/v2.5/keys/vkey", "x".repeat(1024 * 1024 + 1))).status).toBe(413);
  });
});

describe("/keys", () => {
  it("combines the halves of the payload key and proves it", async () => {
    const agent = await start();
    const { pubkey } = (await call(agent, "/v2.5/keys/pubkey")).json.results;
    const [u, v] = [randomBytes(32), randomBytes(32)];
    const key = Buffer.from(u.map((byte, index) => byte ^ v[index]!));
    const encrypt = (half: Buffer) => publicEncrypt({ key: pubkey, oaepHash: "sha1" }, half).toString("base64");
    const tag = createHmac("sha384", key).update(agentId).digest("hex");
    const post = (path: string, body: object) => call(agent, path, { method: "POST", body: JSON.stringify(body) });
    const accepted = { status: 200, json: { code: 200, status: "Success", results: null } };
    expect(await post("/v2.5/keys/vkey", { encrypted_key: encrypt(v) })).toEqual(accepted);
    expect(await post("/v2.5/keys/ukey", { encrypted_key: encrypt(u), auth_tag: tag })).toEqual(accepted);
    const hmac = createHmac("sha384", key).update("abc123").digest("hex");
    expect((await call(agent, "/v2.5/keys/verify?challenge=abc123")).json.results).toEqual({ hmac });
  });
});

describe("/notifications/revocation", () => {
  it("keeps what it received", async () => {
    const agent = await start();
    const message = { msg: "{}", signature: "" };
    const answer = await call(agent, "/v2.5/notifications/revocation", {
      method: "POST",
      body: JSON.stringify(message),
    });
    expect([answer.status, agent.revocations]).toEqual([200, [message]]);
  });
});

describe("mutual TLS", () => {
  let intermediate: CertificateAuthority;
  let tls: AgentTls;
  let client: IssuedCertificate;

  beforeAll(async () => {
    const root = await createRootCa({ commonName: "root" });
    intermediate = await root.issueCa({ commonName: "intermediate" });
    tls = await agentTls("first");
    client = await intermediate.issue({ commonName: "verifier", eku: ["clientAuth"] });
  });

  /** With the whole chain in its file, and in its trust. */
  async function agentTls(commonName: string): Promise<AgentTls> {
    const leaf = await intermediate.issue({ commonName, ipAddresses: ["127.0.0.1"] });
    return { certPem: leaf.chainPem, keyPem: leaf.keyPem, trustedClientCaPem: intermediate.bundlePem };
  }

  /** The status line of one request or the alert that came instead, and the subjects of the chain that was served. */
  async function requestOver(agent: KeylimeAgent, presented?: IssuedCertificate) {
    const identity: ConnectionOptions =
      presented === undefined ? {} : { cert: presented.certPem, key: presented.keyPem };
    const socket = connect({ ...agent.address, ca: intermediate.bundlePem, ...identity });
    let alert: string | undefined;
    socket.on("error", (error: NodeJS.ErrnoException) => {
      alert = error.code;
    });
    socket.write("GET /version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    const served: string[] = [];
    socket.once("secureConnect", () => {
      let certificate = socket.getPeerX509Certificate();
      for (; certificate !== undefined; certificate = certificate.issuerCertificate) served.push(certificate.subject);
    });
    await new Promise<void>((resolve) => socket.once("close", () => resolve()));
    return { outcome: text.split("\r\n")[0] || alert, served };
  }

  it("serves clients below the trusted CA only, and tells the others why", async () => {
    const agent = await start({ tls });
    const served = ["CN=first"];
    expect(await requestOver(agent, client)).toEqual({ outcome: "HTTP/1.1 200 OK", served });
    const stranger = await (await createRootCa({ commonName: "another root" })).issue({ commonName: "verifier" });
    expect(await requestOver(agent, stranger)).toEqual({ outcome: "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", served });
    expect(await requestOver(agent)).toEqual({ outcome: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", served });
    expect(agent.served).toEqual(new Map([["/version", 1]]));
  });

  it("serves another certificate after a rotation, again without its chain", async () => {
    const agent = await start({ tls });
    agent.rotateTls(await agentTls("second"));
    expect(await requestOver(agent, client)).toEqual({ outcome: "HTTP/1.1 200 OK", served: ["CN=second"] });
  });

  it("registers the first certificate of its file only", async () => {
    const registrar = await startScriptedRegistrar();
    const agent = await start({ tls, registrar: registrar.address });
    await agent.register();
    const registered = String(registrar.bodies[0]?.mtls_cert);
    expect(registered.match(/BEGIN CERTIFICATE/g)).toHaveLength(1);
    expect(new X509Certificate(registered).subject).toBe("CN=first");
  });

  it("cannot be rotated into an agent of plain HTTP, nor to a text without certificate", async () => {
    const plain = await start();
    expect(() => plain.rotateTls(tls)).toThrow("this agent serves plain HTTP");
    await expect(start({ tls: { ...tls, certPem: "x" } })).rejects.toMatchObject({ code: "agent-tls" });
  });
});

describe("register", () => {
  it("sends exactly the Rust agent's body, and proves that it holds the endorsement key", async () => {
    const registrar = await startScriptedRegistrar();
    const agent = await start({ registrar: registrar.address, contact: { host: "192.0.2.7" } });
    await agent.register();
    expect(registrar.bodies[0]).toEqual({
      ek_tpm: tpm.ekPublic.toString("base64"),
      ekcert: null,
      aik_tpm: tpm.akPublic.toString("base64"),
      iak_cert: null,
      idevid_cert: null,
      ip: "192.0.2.7",
      mtls_cert: "disabled",
      port: agent.address.port,
    });
    expect(registrar.calls).toEqual(["GET /version", `POST /v2.5/agents/${agentId}`, `PUT /v2.5/agents/${agentId}`]);
    expect(registrar.active).toBe(true);
  });

  it("waits for a registrar that is still starting", async () => {
    const registrar = await startScriptedRegistrar({ unready: 3 });
    const agent = await start({ registrar: registrar.address, delays: { registerRetryMs: 5 } });
    await agent.register();
    expect(registrar.active).toBe(true);
  });

  it("gives up on one that never answers, and at once when stopped", async () => {
    const delays = { registerRetryMs: 5, registerTimeoutMs: 50 };
    const agent = await start({ delays });
    await expect(agent.register()).rejects.toMatchObject({ code: "registrar-unreachable" });
    const patient = await start({ delays: { registerRetryMs: 60_000 } });
    const registering = patient.register();
    await patient.stop();
    await expect(registering).rejects.toMatchObject({ code: "registrar-unreachable" });
  });

  it.each([
    [{ refuse: 403 }, "agent-registration"],
    [{ versions: ["2.9", "3.0"] }, "agent-registration"],
    [{ blob: "AAAA" }, "tpm-form"],
    [{ text: "<html>" }, "agent-registration"],
  ])("names what went wrong with a registrar of %o", async (script, code) => {
    const registrar = await startScriptedRegistrar(script);
    const agent = await start({ registrar: registrar.address });
    await expect(agent.register()).rejects.toMatchObject({ code });
  });
});

describe("the agent lives", () => {
  it("whatever bytes a client sends", async () => {
    const agent = await start();
    for (const bytes of [
      "\0\0\0",
      "GET / HTTP/9\r\n\r\n",
      "GET //// HTTP/1.1\r\nHost: a\r\n\r\n",
      "\r\n".repeat(100),
    ]) {
      const socket = connectTcp(agent.address.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.end(bytes);
      socket.resume();
      await once(socket, "close");
    }
    expect((await call(agent, "/version")).status).toBe(200);
  });
});

interface Script {
  /** So many answers are 503 first. */
  unready?: number;
  refuse?: number;
  versions?: string[];
  blob?: string;
  text?: string;
}

/** A registrar that knows one agent: it hands out a challenge and checks the answer. */
async function startScriptedRegistrar(script: Script = {}) {
  const state = { calls: [] as string[], bodies: [] as Record<string, unknown>[], active: false };
  let { unready = 0 } = script;
  const challenge = Buffer.from(randomBytes(16).toString("hex"));
  const answers: Record<string, (body: Record<string, string>) => [number, unknown]> = {
    GET: () => [200, { current_version: "2.6", supported_versions: script.versions ?? ["2.4", "2.5", "3.0"] }],
    POST: (body) => {
      state.bodies.push(body);
      const akName = keyName(Buffer.from(body.aik_tpm!, "base64"));
      const blob = makeCredential({ ekPublic: Buffer.from(body.ek_tpm!, "base64"), akName, secret: challenge });
      return [script.refuse ?? 200, { blob: script.blob ?? blob.toString("base64") }];
    },
    PUT: (body) => {
      state.active = body.auth_tag === authTag(agentId, challenge.toString("base64"));
      return [state.active ? 200 : 400, {}];
    },
  };
  const server: Server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    if (unready-- > 0) return response.writeHead(503).end();
    state.calls.push(`${request.method} ${request.url}`);
    const [status, results] = answers[request.method!]!(text === "" ? {} : JSON.parse(text));
    return response.writeHead(status).end(script.text ?? JSON.stringify({ code: status, status: "x", results }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  running.push({ stop: async () => void server.close() });
  return Object.assign(state, { address: { host: "127.0.0.1", port: (server.address() as AddressInfo).port } });
}
