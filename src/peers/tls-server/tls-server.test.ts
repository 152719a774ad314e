import { once } from "node:events";
import { createServer, type Agent as HttpAgent } from "node:http";
import { Agent, request } from "node:https";
import { type AddressInfo, connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import { connect } from "node:tls";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../../test/support/until.js";
import { type FieldReportPki, fieldReportPki } from "../pki/field-report-pki.js";
import type { HandshakeStory } from "./story.js";
import { createTlsServer, type TlsServer, type TlsServerOptions } from "./tls-server.js";

let pki: FieldReportPki;
beforeAll(async () => {
  pki = await fieldReportPki();
});

const running: TlsServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) {
    server.destroyConnections();
    server.close();
    await once(server, "close");
  }
});

async function start(options: Partial<TlsServerOptions>, onConnection: (stream: Duplex) => void) {
  const stories: HandshakeStory[] = [];
  const server = createTlsServer(
    {
      certPem: pki.verifier.chainPem,
      keyPem: pki.verifier.keyPem,
      clientCertificates: "optional",
      trustedClientCaPem: pki.caCompleteChainPem,
      onHandshake: (story) => stories.push(story),
      ...options,
    },
    onConnection,
  );
  running.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { server, stories, port: (server.address() as AddressInfo).port };
}

const echo = (stream: Duplex) => void stream.pipe(stream);

function client(port: number, pair: { chainPem: string; keyPem: string } | undefined = pki.plugin) {
  return connect({ port, host: "127.0.0.1", ca: pki.root.certPem, cert: pair?.chainPem, key: pair?.keyPem });
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe("under an HTTP server", () => {
  function httpServer() {
    return createServer((incoming, response) => {
      incoming.resume().on("end", () => response.end(`${incoming.method} ${incoming.url}`));
    });
  }

  function ask(agent: HttpAgent | Agent, port: number, path: string, method = "GET"): Promise<string> {
    return new Promise((resolve, reject) => {
      request({ agent, port, host: "127.0.0.1", path, method, ca: pki.root.certPem }, (response) => {
        readAll(response).then((body) => resolve(body.toString()), reject);
      })
        .on("error", reject)
        .end(method === "POST" ? "body" : undefined);
    });
  }

  it("one kept-alive connection carries many requests", async () => {
    const http = httpServer();
    const { port, stories } = await start({}, (stream) => http.emit("connection", stream));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const answers: string[] = [];
    for (let i = 0; i < 20; i++) answers.push(await ask(agent, port, `/${i}`, i % 2 === 0 ? "GET" : "POST"));
    expect(answers).toEqual(Array.from({ length: 20 }, (_, i) => `${i % 2 === 0 ? "GET" : "POST"} /${i}`));
    expect(stories).toHaveLength(1);
    agent.destroy();
  });

  it("a new certificate serves new connections while old ones go on", async () => {
    const http = httpServer();
    const { port, server } = await start({}, (stream) => http.emit("connection", stream));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await ask(agent, port, "/before")).toBe("GET /before");
    const renewed = await pki.issue({ commonName: "renewed", dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] });
    expect(() => server.rotate({ certPem: renewed.chainPem, keyPem: pki.verifier.keyPem })).toThrow(
      "cannot use the lab server's certificate and key: the private key does not belong to the certificate",
    );
    server.rotate({ certPem: renewed.chainPem, keyPem: renewed.keyPem });
    expect(await ask(agent, port, "/after")).toBe("GET /after");
    const fresh = client(port);
    await once(fresh, "secureConnect");
    expect(fresh.getPeerCertificate().subject.CN).toBe("renewed");
    fresh.destroy();
    agent.destroy();
  });
});

describe("a connection", () => {
  it("carries megabytes both ways through slow readers, and ends in order", async () => {
    const { port } = await start({}, echo);
    const socket = client(port);
    const sent = Buffer.alloc(3_000_000, "0123456789");
    socket.end(sent);
    const received: Buffer[] = [];
    for await (const piece of socket) {
      received.push(piece as Buffer);
      if (received.length % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(Buffer.concat(received).equals(sent)).toBe(true);
  });

  it("stops reading from a client that sends faster than the server takes", async () => {
    let stream: Duplex | undefined;
    const { port } = await start({}, (connection) => {
      stream = connection;
    });
    const socket = client(port);
    await once(socket, "secureConnect");
    const chunk = Buffer.alloc(1_000_000);
    for (let written = 0; written < 40; written++) socket.write(chunk);
    let before = 0;
    await until(
      () => {
        const [length, last] = [socket.writableLength, before];
        before = length;
        return length === last;
      },
      { what: "the client to get stuck", intervalMs: 100 },
    );
    expect(stream!.readableLength).toBeLessThan(300_000);
    expect(socket.writableLength).toBeGreaterThan(10_000_000);
    socket.destroy();
  });

  it("tells who the client is", async () => {
    let subject: string | undefined;
    const { port, stories } = await start({}, (stream) => {
      subject = (stream as { clientCertificate?: { subject: string } }).clientCertificate?.subject;
      stream.end("done");
    });
    const socket = client(port);
    expect((await readAll(socket)).toString()).toBe("done");
    expect(subject).toBe("CN=spire-server.keylime.funlab.casa");
    expect(stories).toMatchObject([
      { outcome: "completed", failure: undefined, verdict: { ok: true }, alert: undefined, serverName: undefined },
    ]);
  });
});

describe("trouble", () => {
  it("is told with what was presented, what was found and the alert", async () => {
    const { port, stories } = await start({ trustedClientCaPem: "" }, echo);
    const [error] = await once(client(port), "error");
    expect((error as NodeJS.ErrnoException).code).toBe("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA");
    expect(stories).toMatchObject([
      {
        outcome: "refused",
        failure:
          "refused the client with unknown_ca (48): the client's certificate: unable to get local issuer certificate (20) at depth 1",
        alert: { from: "server", level: 2, number: 48, name: "unknown_ca" },
        verdict: { ok: false, depth: 1, error: { number: 20 } },
      },
    ]);
    expect(stories[0]?.clientCertificates?.map(({ subject }) => subject)).toEqual([
      "CN=spire-server.keylime.funlab.casa",
      "C=US\nO=Funlab.Casa\nOU=Tower of Omens\nCN=Book of Omens",
    ]);
  });

  it("of a silent client ends with the time-out", async () => {
    const { port, stories } = await start({ handshakeTimeoutMs: 50 }, echo);
    const socket = connectTcp(port, "127.0.0.1");
    await once(socket, "close");
    expect(stories).toMatchObject([{ outcome: "abandoned", failure: "the handshake took longer than 50 ms" }]);
  });

  it("of a client that speaks plain HTTP is a decode_error", async () => {
    const { port, stories } = await start({}, echo);
    const socket = connectTcp(port, "127.0.0.1");
    socket.end("GET / HTTP/1.1\r\nHost: verifier\r\n\r\n");
    expect((await readAll(socket)).toString("hex")).toBe("15030300020232");
    expect(stories).toMatchObject([{ outcome: "refused", alert: { number: 50 }, messages: [] }]);
  });

  it("of any bytes ends the connection and never the process", async () => {
    const { port, stories } = await start({ handshakeTimeoutMs: 2000 }, echo);
    const hello = await captureClientHello();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(hello.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(hello.length),
        async (edits, cut) => {
          const mutated = Buffer.from(hello);
          for (const [at, value] of edits) mutated[at] = value;
          const socket = connectTcp(port, "127.0.0.1");
          socket.on("error", () => {});
          socket.end(cut % 3 === 0 ? mutated.subarray(0, cut) : mutated);
          socket.resume();
          await once(socket, "close");
        },
      ),
      { numRuns: 300 },
    );
    expect(stories.length).toBeGreaterThanOrEqual(300);
    expect(stories.filter(({ outcome }) => outcome === "completed")).toEqual([]);
    expect(stories.filter(({ alert }) => alert?.name === "internal_error")).toEqual([]);
    const socket = client(port);
    socket.end("still here");
    expect((await readAll(socket)).toString()).toBe("still here");
  });

  async function captureClientHello(): Promise<Buffer> {
    const catcher = createServer().listen(0, "127.0.0.1");
    catcher.removeAllListeners("connection");
    const caught = once(catcher, "connection") as Promise<[import("node:net").Socket]>;
    await once(catcher, "listening");
    const { port } = catcher.address() as AddressInfo;
    const socket = client(port);
    socket.on("error", () => {});
    const [peer] = await caught;
    const [hello] = (await once(peer, "data")) as [Buffer];
    peer.destroy();
    socket.destroy();
    catcher.close();
    return hello;
  }
});
