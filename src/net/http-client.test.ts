import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  answer,
  type Behaviour,
  type MisbehavingServer,
  misbehaviours,
  startMisbehavingServer,
} from "../../test/fakes/misbehaving-server.js";
import { type TemporaryDirectory, temporaryDirectory } from "../../test/support/temporary-directory.js";
import { until } from "../../test/support/until.js";
import { type FieldReportPki, fieldReportPki } from "../peers/pki/field-report-pki.js";
import { alertMeanings } from "../tls/alert.js";
import { HttpClient, type HttpClientOptions } from "./http-client.js";
import { type Identity, type IdentityFiles, loadIdentity } from "./identity.js";
import { PeerError } from "./peer-errors.js";
import type { PeerRole } from "./peer-role.js";
import type { IdentitySource } from "./reloading-identity.js";

const role: PeerRole = {
  name: "the test peer",
  faults: {
    refused: "verifier-unreachable",
    "not-tls": "verifier-not-tls",
    "server-name": "verifier-name-mismatch",
    timeout: "verifier-unreachable",
  },
  refusal: { samePki: "verifier-trust-empty", otherPki: "ca-wrong" },
  leafAlone: "ca-wrong",
  serverNameKey: "test_server_name",
};

let pki: FieldReportPki;
let directory: TemporaryDirectory;
const unhandled: unknown[] = [];
const keepUnhandled = (reason: unknown): void => {
  unhandled.push(reason);
};

beforeAll(async () => {
  process.on("unhandledRejection", keepUnhandled);
  pki = await fieldReportPki();
  directory = await temporaryDirectory("net");
});
afterAll(async () => {
  await directory[Symbol.asyncDispose]();
  process.off("unhandledRejection", keepUnhandled);
  expect(unhandled).toEqual([]);
});

async function identityOf(caPem: string, own?: { chainPem: string; keyPem: string }): Promise<Identity> {
  const named = async (key: string, content: string) => ({
    path: await directory.write(`${key}-${Math.random()}`, content),
    key,
    isDefault: false,
  });
  const files: IdentityFiles = {
    ca: await named("ca", caPem),
    ...(own === undefined ? {} : { cert: await named("cert", own.chainPem), key: await named("key", own.keyPem) }),
  };
  const { identity, problems } = loadIdentity(files, Date.now());
  expect(problems).toEqual([]);
  return identity!;
}

const fixed = (identity: Identity): IdentitySource => ({ current: () => identity, checkNow: () => identity });
const serverTls = () => ({ cert: pki.verifier.chainPem, key: pki.verifier.keyPem });

function clientOf(port: number, more: Partial<HttpClientOptions> = {}): HttpClient {
  return new HttpClient({
    host: "127.0.0.1",
    port,
    role,
    connectTimeoutMs: 2000,
    userAgent: "test",
    maxBodyBytes: 100_000,
    ...more,
  });
}

async function failureOf(promise: Promise<unknown>): Promise<PeerError> {
  const outcome = await promise.then(
    (value) => value,
    (error) => error,
  );
  expect(outcome).toBeInstanceOf(PeerError);
  return outcome as PeerError;
}

const get = { method: "GET", path: "/x", timeoutMs: 2000 } as const;
const told = ({ code, kind, message }: PeerError) => `${code} ${kind}: ${message.replaceAll(/:\d{4,5}\b/g, ":PORT")}`;

type Outcome = [code: RegExp, overTls?: RegExp];
const outcomes: Record<keyof typeof misbehaviours, Outcome> = {
  "says nothing": [
    /^verifier-unreachable timeout: the test peer at 127.0.0.1:PORT did not answer within 300ms \(waiting for the answer\)$/,
  ],
  "closes without a word": [/^closed closed: the test peer at 127.0.0.1:PORT closed the connection before any answer/],
  "resets the connection": [/^reset reset: the test peer at 127.0.0.1:PORT reset the connection before any answer/],
  "sends what is not HTTP": [
    /^not-http not-http: cannot speak plain HTTP with the test peer at 127.0.0.1:PORT: its answer is not HTTP$/,
    /^bad-answer bad-answer: cannot read the answer/,
  ],
  "breaks the status line": [
    /^bad-answer bad-answer: cannot read the answer of the test peer at 127.0.0.1:PORT: it breaks/,
  ],
  "drips a header for ever": [/^verifier-unreachable timeout: .* within 300ms \(waiting for the answer\)$/],
  "drips a body for ever": [/^verifier-unreachable timeout: .* within 300ms \(reading the answer\)$/],
  "sends headers without end": [/^bad-answer bad-answer: .*Header overflow/i],
  "sends a body without end": [
    /^body-too-large body-too-large: the test peer at 127.0.0.1:PORT answered with more than 100000 bytes$/,
  ],
  "sends chunks without end": [/^body-too-large body-too-large: .* answered with more than 100000 bytes$/],
  "ends in the middle of the body": [
    /^closed closed: the test peer at 127.0.0.1:PORT closed the connection in the middle of the answer$/,
  ],
  "sends two different lengths": [/^bad-answer bad-answer: /],
  "breaks a chunk": [/^bad-answer bad-answer: /],
  "switches protocols unasked": [/^bad-answer bad-answer: the test peer at 127.0.0.1:PORT switched protocols unasked$/],
  "promises for ever": [/^verifier-unreachable timeout: .* within 300ms \(waiting for the answer\)$/],
};

describe.each(["http", "https"])("HttpClient over %s", (scheme) => {
  it.each(Object.entries(outcomes))(
    "ends in time with its own words when the peer %s",
    async (name, [plain, overTls]) => {
      const onRequest: Behaviour = misbehaviours[name as keyof typeof misbehaviours];
      await using server = await startMisbehavingServer(
        scheme === "https" ? { tls: serverTls(), onRequest } : { onRequest },
      );
      const identity = scheme === "https" ? { identity: fixed(await identityOf(pki.root.certPem)) } : {};
      const client = clientOf(server.port, identity);
      const startMs = performance.now();
      const failure = await failureOf(client.request({ ...get, timeoutMs: 300 }));
      expect(told(failure)).toMatch(scheme === "https" ? (overTls ?? plain) : plain);
      expect(performance.now() - startMs).toBeLessThan(1500);
      client.close();
    },
  );

  it("returns status, headers, body and the peer's clock, whatever the status", async () => {
    const onRequest = answer(302, "gone", { Location: "/elsewhere", Date: "Mon, 23 Nov 2026 21:17:00 GMT" });
    await using server = await startMisbehavingServer(
      scheme === "https" ? { tls: serverTls(), onRequest } : { onRequest },
    );
    const client = clientOf(
      server.port,
      scheme === "https" ? { identity: fixed(await identityOf(pki.root.certPem)) } : {},
    );
    const { status, headers, body, dateMs, reused } = await client.request(get);
    expect({ status, location: headers.location, body: body.toString(), dateMs, reused }).toEqual({
      status: 302,
      location: "/elsewhere",
      body: "gone",
      dateMs: Date.parse("2026-11-23T21:17:00Z"),
      reused: false,
    });
    expect(server.requests).toHaveLength(1);
    client.close();
  });
});

describe("HttpClient", () => {
  it("percent-encodes every parameter and keeps the path as it is", async () => {
    await using server = await startMisbehavingServer({});
    const client = clientOf(server.port);
    await client.request({ ...get, path: "/v2.6/verify/identity", query: { quote: "r+/=:a b&c", nonce: "'()*!~" } });
    expect(server.requests[0]).toBe(
      `GET /v2.6/verify/identity?quote=r%2B%2F%3D%3Aa%20b%26c&nonce=%27%28%29%2A%21~ HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\naccept: application/json\r\nuser-agent: test\r\nConnection: keep-alive`,
    );
    client.close();
  });

  it("never puts a parameter into a message", async () => {
    await using server = await startMisbehavingServer({ onRequest: misbehaviours["resets the connection"] });
    const client = clientOf(server.port);
    const failure = await failureOf(client.request({ ...get, query: { nonce: "SECRETNONCE" } }));
    expect(JSON.stringify([failure.message, failure.hint, failure.facts])).not.toContain("SECRETNONCE");
    client.close();
  });

  it("uses one connection for requests in turn and says so", async () => {
    await using server = await startMisbehavingServer({ tls: serverTls() });
    const client = clientOf(server.port, { identity: fixed(await identityOf(pki.root.certPem)) });
    const reused = [];
    for (let i = 0; i < 3; i++) reused.push((await client.request(get)).reused);
    expect([reused, server.connections]).toEqual([[false, true, true], 1]);
    client.close();
  });

  it("opens no more connections than it may", async () => {
    const onRequest: Behaviour = (socket, text, number) => setTimeout(() => answer(200, {})(socket, text, number), 10);
    await using server = await startMisbehavingServer({ onRequest });
    const client = clientOf(server.port, { maxSockets: 3 });
    await Promise.all(Array.from({ length: 30 }, () => client.request(get)));
    expect(server.connections).toBe(3);
    client.close();
  });

  it("asks a GET again on a new connection when the kept one was closed meanwhile, and a POST not", async () => {
    let drop = false;
    const onRequest: Behaviour = (socket, text, number) =>
      drop && number % 2 === 0 ? socket.destroy() : answer(200, { number })(socket, text, number);
    await using server = await startMisbehavingServer({ onRequest });
    const client = clientOf(server.port);
    await client.request(get);
    drop = true;
    expect(JSON.parse((await client.request(get)).body.toString())).toEqual({ number: 3 });
    expect(server.connections).toBe(2);
    const body = { contentType: "application/json", bytes: Buffer.from("") };
    const failure = await failureOf(client.request({ ...get, method: "POST", body }));
    expect([failure.facts.reused, failure.facts.stage, server.requests.length]).toEqual([true, "response", 4]);
    client.close();
  });

  it("fails a request whose caller gives up, before and while it runs", async () => {
    await using server = await startMisbehavingServer({ onRequest: misbehaviours["says nothing"] });
    const client = clientOf(server.port);
    const controller = new AbortController();
    const running = client.request({ ...get, signal: controller.signal });
    await until(() => server.requests.length === 1, { what: "the request" });
    controller.abort();
    expect((await failureOf(running)).kind).toBe("aborted");
    expect((await failureOf(client.request({ ...get, signal: controller.signal }))).kind).toBe("aborted");
    client.close();
  });

  it("tells refused, unknown name, and time-outs of connection and handshake apart", async () => {
    await using gone = await startMisbehavingServer({});
    const { port } = gone;
    await gone[Symbol.asyncDispose]();
    const identity = fixed(await identityOf(pki.root.certPem));
    expect(told(await failureOf(clientOf(port).request(get)))).toBe(
      "verifier-unreachable refused: cannot reach the test peer at 127.0.0.1:PORT: connection refused",
    );
    expect(told(await failureOf(clientOf(port, { host: "no-such-host.invalid" }).request(get)))).toMatch(
      /^dns dns: cannot reach the test peer at no-such-host.invalid:PORT: the name cannot be looked up/,
    );
    await using silent = await startMisbehavingServer({ onRequest: () => {} });
    const failure = await failureOf(clientOf(silent.port, { identity, connectTimeoutMs: 200 }).request(get));
    expect(told(failure)).toBe(
      "verifier-unreachable timeout: the test peer at 127.0.0.1:PORT did not answer within 200ms (during the TLS handshake)",
    );
  });

  it("names the side that speaks no TLS", async () => {
    await using plain = await startMisbehavingServer({
      onConnection: (socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"),
    });
    const identity = fixed(await identityOf(pki.root.certPem));
    expect(told(await failureOf(clientOf(plain.port, { identity }).request(get)))).toBe(
      "verifier-not-tls not-tls: cannot speak TLS with the test peer at 127.0.0.1:PORT: what answers there does not speak TLS",
    );
    // As Keylime's registrar does on its port for agents: it waits for the end of the request that a ClientHello is to it.
    await using waiting = await startMisbehavingServer({});
    const calling = clientOf(waiting.port, { identity, connectTimeoutMs: 600_000 }).request({
      ...get,
      timeoutMs: 600_000,
    });
    expect(told(await failureOf(calling))).toBe(
      "verifier-not-tls not-tls: cannot speak TLS with the test peer at 127.0.0.1:PORT: it answers in plain HTTP alone",
    );
    expect(waiting.connections).toBe(2);
    await using tls = await startMisbehavingServer({ tls: serverTls() });
    const failure = await failureOf(clientOf(tls.port).request(get));
    expect([failure.kind, failure.hint]).toEqual(["closed", "does that port speak TLS?"]);
  });

  it("sends no address as server name, and the configured name otherwise", async () => {
    const names: unknown[] = [];
    const tls = {
      ...serverTls(),
      SNICallback(name: string, done: (error: null) => void) {
        names.push(name);
        done(null);
      },
    };
    await using server = await startMisbehavingServer({ tls });
    const identity = fixed(await identityOf(pki.root.certPem));
    await clientOf(server.port, { identity }).request(get);
    await clientOf(server.port, { identity, serverName: "verifier.keylime.funlab.casa" }).request(get);
    expect(names).toEqual(["verifier.keylime.funlab.casa"]);
  });
});

describe("HttpClient judges the server", () => {
  interface Case {
    server: () => { cert: string; key: string } | Promise<{ cert: string; key: string }>;
    ca: () => string | Promise<string>;
    serverName?: string;
    code: string;
    words: RegExp;
    hint?: RegExp;
  }
  const issued = async (options: Parameters<FieldReportPki["issue"]>[0]) => {
    const leaf = await pki.issue({ ipAddresses: ["127.0.0.1"], ...options });
    return { cert: leaf.chainPem, key: leaf.keyPem };
  };
  const hour = 3_600_000;
  const cases: Record<string, Case> = {
    "a CA file that never signed it": {
      server: serverTls,
      ca: () => pki.cvCa.ca.certPem,
      code: "ca-wrong",
      words:
        /CA file ".*" \(ca\) does not vouch for \(.*\); it presented CN=verifier.keylime.funlab.casa, issued by CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US; the file holds /,
    },
    "a CA file with the intermediate alone": {
      server: serverTls,
      ca: () => pki.intermediate.certPem,
      code: "ca-bundle-incomplete",
      words: /the file holds CN=Book of Omens/,
      hint: /^append the root CN=Eye of Thundera to /,
    },
    "a server that sends its leaf alone": {
      server: () => ({ cert: pki.verifier.certPem, key: pki.verifier.keyPem }),
      ca: () => pki.root.certPem,
      code: "ca-wrong",
      words: /does not vouch for/,
      hint: /^it sent its leaf alone: add the CA CN=Book of Omens/,
    },
    "a name it does not carry": {
      server: serverTls,
      ca: () => pki.root.certPem,
      serverName: "other.example.org",
      code: "verifier-name-mismatch",
      words:
        /does not carry the name other.example.org; its names: DNS:verifier.keylime.funlab.casa, DNS:verifier.funlab.casa, DNS:localhost, IP:127.0.0.1$/,
      hint: /^set test_server_name to one of its names$/,
    },
    "an expired certificate": {
      server: () =>
        issued({
          commonName: "old",
          notBefore: new Date(Date.now() - 48 * hour),
          notAfter: new Date(Date.now() - hour),
        }),
      ca: () => pki.root.certPem,
      code: "cert-expired",
      words: /cannot be trusted: CN=old expired at /,
    },
    "a certificate of the future": {
      server: () =>
        issued({
          commonName: "young",
          notBefore: new Date(Date.now() + hour),
          notAfter: new Date(Date.now() + 48 * hour),
        }),
      ca: () => pki.root.certPem,
      code: "cert-not-yet-valid",
      words: /cannot be trusted: CN=young is not valid before /,
      hint: /clocks/,
    },
    "a client's certificate": {
      server: () => issued({ commonName: "client", eku: ["clientAuth"] }),
      ca: () => pki.root.certPem,
      code: "cert-no-server-auth",
      words: /may not be used by a server \(extended key usage clientAuth\)/,
    },
  };

  it.each(Object.entries(cases))(
    "refuses %s before a byte of the request is sent",
    async (_name, { server: tls, ca, serverName, code, words, hint }) => {
      await using server = await startMisbehavingServer({ tls: await tls() });
      const identity = await identityOf(await ca());
      const failure = await failureOf(
        clientOf(server.port, { identity: fixed(identity), ...(serverName ? { serverName } : {}) }).request(get),
      );
      expect(failure.code).toBe(code);
      expect(failure.message).toMatch(words);
      if (hint) expect(failure.hint).toMatch(hint);
      expect(failure.facts.serverChain?.length).toBeGreaterThan(0);
      expect(failure.facts.trustFile).toBe(identity.files.ca.path);
      expect(server.requests).toEqual([]);
    },
  );
});

describe("HttpClient hears an alert", () => {
  const alertRecord = (number: number) => Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, number]);
  const hear = async (number: number, own: { chainPem: string; keyPem: string } | undefined) => {
    await using server = await startMisbehavingServer({
      onConnection: (socket) => void socket.once("data", () => socket.end(alertRecord(number))),
    });
    const identity = await identityOf(pki.intermediate.bundlePem, own);
    return await failureOf(clientOf(server.port, { identity: fixed(identity) }).request(get));
  };

  it.each(
    Object.entries(alertMeanings)
      .map(([number, { name }]) => ({ number: Number(number), name }))
      // OpenSSL has no words for these, or takes them for an orderly end.
      .filter(({ number }) => ![0, 52, 90, 117, 121].includes(number)),
  )("$name ($number) by number and name", async ({ number, name }) => {
    const { kind, facts, message } = await hear(number, pki.plugin);
    expect({ kind, alert: facts.alert }).toEqual({ kind: "alert", alert: { number, name, from: "server" } });
    expect(message).toContain(`(${name}, ${number})`);
  });

  it("tells what was presented, and the likeliest fault", async () => {
    const { code, message, hint, facts } = await hear(48, pki.plugin);
    expect(code).toBe("verifier-trust-empty");
    expect(message.replace(/:\d+ /, ":PORT ")).toBe(
      `the test peer at 127.0.0.1:PORT did not recognise the CA that issued our certificate (unknown_ca, 48); presented: CN=spire-server.keylime.funlab.casa, issued by CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US (and 1 above it), from "${facts.presented?.file}" (cert)`,
    );
    expect(hint).toMatch(/trusted_client_ca/);
    expect(facts.presented?.chain.map(({ subject }) => subject)).toHaveLength(2);
  });

  it.each<[string, number, () => Promise<{ chainPem: string; keyPem: string } | undefined>, string]>([
    ["nothing presented", 116, async () => undefined, "client-cert-not-sent"],
    [
      "a leaf whose intermediate OpenSSL adds from the CA file",
      48,
      async () => ({ chainPem: pki.plugin.certPem, keyPem: pki.plugin.keyPem }),
      "verifier-trust-empty",
    ],
    ["a certificate of another PKI", 48, async () => pki.cvCa.client, "ca-wrong"],
    ["no clientAuth", 43, () => pki.issue({ commonName: "s", eku: ["serverAuth"] }), "cert-no-client-auth"],
    [
      "an expired certificate",
      45,
      () => pki.issue({ commonName: "e", notBefore: new Date(1e12), notAfter: new Date(1.1e12) }),
      "cert-expired",
    ],
    [
      "an expired certificate that OpenSSL calls unknown",
      46,
      () => pki.issue({ commonName: "e", notBefore: new Date(1e12), notAfter: new Date(1.1e12) }),
      "cert-expired",
    ],
    ["a valid certificate called expired", 45, async () => pki.plugin, "cert-expired"],
    ["a TLS version nobody shares", 70, async () => pki.plugin, "alert"],
  ])("%s", async (_name, number, own, code) => expect((await hear(number, await own())).code).toBe(code));
});

describe("HttpClient under rotation", () => {
  it("finishes running requests on the old identity and starts new ones on the new", async () => {
    const peers: string[] = [];
    const tls = { ...serverTls(), ca: [pki.root.certPem, pki.intermediate.certPem], requestCert: true };
    let waiting: (() => void) | undefined;
    const onRequest: Behaviour = (socket, text, number) => {
      peers.push(
        (socket as unknown as { getPeerCertificate(): { subject: { CN: string } } }).getPeerCertificate().subject.CN,
      );
      if (text.startsWith("GET /slow")) waiting = () => answer(200, {})(socket, text, number);
      else answer(200, {})(socket, text, number);
    };
    await using server: MisbehavingServer = await startMisbehavingServer({ tls, onRequest });
    const old = await identityOf(pki.root.certPem, pki.plugin);
    const fresh = { ...(await identityOf(pki.root.certPem, pki.tenant)), generation: 2 };
    let current = old;
    const client = clientOf(server.port, { identity: { current: () => current, checkNow: () => current } });
    const running = client.request({ ...get, path: "/slow" });
    await until(() => waiting, { what: "the slow request" });
    current = fresh;
    expect((await client.request(get)).reused).toBe(false);
    waiting!();
    expect((await running).status).toBe(200);
    expect((await client.request(get)).reused).toBe(true);
    expect(peers.map((each) => each.split(".")[0])).toEqual(
      [pki.plugin, pki.tenant, pki.tenant].map(({ subject }) => /CN=([^.,]+)/.exec(subject)![1]),
    );
    client.close();
  });
});
