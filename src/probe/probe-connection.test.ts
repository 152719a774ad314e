import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fieldReportPki } from "../peers/pki/field-report-pki.js";
import { createTlsServer, type TlsServer } from "../peers/tls-server/tls-server.js";
import { makeExtension, type RawExtension } from "../tls/extensions/extension.js";
import { retryGroup } from "../tls/extensions/key-share.js";
import { selectedVersion } from "../tls/extensions/number-list.js";
import { writeHandshake } from "../tls/handshake-reader.js";
import { type ClientHello, readClientHello } from "../tls/messages/client-hello.js";
import { helloRetryRandom, writeServerHello } from "../tls/messages/server-hello.js";
import { RecordReader, writeRecord } from "../tls/record.js";
import { contentTypes, handshakeTypes } from "../tls/tables/protocol.js";
import { tls12, tls13 } from "./handshake/wire-versions.js";
import { runConnection } from "./probe-connection.js";

let origin: TlsServer;
let flightBytes = 0;

beforeAll(async () => {
  const { verifier } = await fieldReportPki();
  origin = createTlsServer(
    { certPem: verifier.chainPem, keyPem: verifier.keyPem, clientCertificates: "optional", trustedClientCaPem: "" },
    (connection) =>
      void connection.once("data", () => connection.end("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")),
  );
  await listening(origin);
});
afterAll(() => void origin.close());

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const story = (port: number, timeoutMs = 2000) =>
  runConnection({
    host: "127.0.0.1",
    port,
    offer: { versions: [tls13, tls12], serverName: "localhost", alpn: [] },
    candidate: undefined,
    presenting: undefined,
    timeoutMs,
    httpPath: "/version",
  });

/** Runs one probe against a server that does as told with its socket. */
async function against(serve: (socket: Socket) => void, timeoutMs?: number) {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    serve(socket);
  });
  const port = await listening(server);
  const told = await story(port, timeoutMs);
  server.close();
  return told;
}

/** The embedded server behind something that changes its bytes. */
const tampering = (change: (bytes: Buffer, at: number) => Buffer | undefined) => (socket: Socket) => {
  const behind = connect((origin.address() as AddressInfo).port, "127.0.0.1");
  let at = 0;
  socket.pipe(behind);
  behind.on("error", () => {});
  socket.on("close", () => behind.destroy());
  behind.on("data", (bytes) => {
    const changed = change(bytes, at);
    at += bytes.length;
    flightBytes = Math.max(flightBytes, at);
    if (changed === undefined) socket.destroy();
    else if (socket.writable) socket.write(changed);
  });
};

describe("runConnection", () => {
  it("tells version, chain, request and answer of a server that takes no certificate for an answer", async () => {
    const told = await against(tampering((bytes) => bytes));
    expect(told).toMatchObject({ outcome: "accepted", version: tls13, http: { status: 404 }, sentChain: [] });
    expect(told.serverChain).toHaveLength(2);
    expect(told.serverProof?.isValid).toBe(true);
  });

  it("comes to an end without an exception wherever the server's bytes are cut", async () => {
    for (let cut = 0; cut < flightBytes; cut += 23) {
      const told = await against(tampering((bytes, at) => (at + bytes.length > cut ? undefined : bytes)));
      expect(["refused", "unknown", "accepted"]).toContain(told.outcome);
      if (told.outcome === "unknown") expect(told.problem?.message).toMatch(/^127\.0\.0\.1:\d+ /);
    }
  });

  it("takes no changed byte of the handshake for an accepted one", async () => {
    for (let flipped = 0; flipped < 1200; flipped += 41) {
      const told = await against(
        tampering((bytes, at) => {
          const copy = Buffer.from(bytes);
          if (flipped >= at && flipped < at + bytes.length) copy[flipped - at]! ^= 0x15;
          return copy;
        }),
        500,
      );
      expect(told.outcome === "accepted" && flipped > 5 ? flipped : "not accepted").toBe("not accepted");
    }
  });

  it.each<[string, (socket: Socket) => void, string, RegExp]>([
    [
      "plain HTTP",
      (s) => void s.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
      "verifier-not-tls",
      /plain HTTP: "HTTP\/1.1 400 Bad Request"/,
    ],
    ["garbage", (s) => void s.end("SSH-2.0-OpenSSH\r\n"), "verifier-not-tls", /not TLS: "SSH-2.0-OpenSSH"/],
    [
      "a closed connection",
      (s) => void s.once("data", () => s.end()),
      "verifier-not-tls",
      /without answering the ClientHello/,
    ],
    ["silence", () => {}, "probe-timeout", /did not answer the client's ClientHello within 300ms/],
    ["a handshake without end", (s) => void s.write(endless()), "tls-malformed", /cannot read/],
    [
      "a second question for a share that was sent",
      (s) => void s.once("data", () => s.write(helloRetryRequest(x25519))),
      "tls-malformed",
      /HelloRetryRequest: it asks for x25519, whose key share was sent/,
    ],
    [
      "a second question for a group that was not offered",
      (s) => void s.once("data", () => s.write(helloRetryRequest(ffdhe2048))),
      "tls-malformed",
      /HelloRetryRequest: it asks for ffdhe2048, which was not offered/,
    ],
    [
      "a second question that asks for nothing",
      (s) => void s.once("data", () => s.write(helloRetryRequest())),
      "tls-malformed",
      /HelloRetryRequest: it asks for no change/,
    ],
  ])("names %s as what it is", async (_, serve, code, words) => {
    const { outcome, problem } = await against(serve, 300);
    expect([outcome, problem?.code]).toEqual(["unknown", code]);
    expect(problem?.message).toMatch(words);
    expect(problem?.hint).toBeDefined();
  });

  it("sends its shares again and the cookie back when that is all that is asked for", async () => {
    const hellos: ClientHello[] = [];
    await against((socket) => {
      const records = new RecordReader();
      socket.on("data", (bytes) => {
        records.push(bytes);
        for (let record = records.next(); record !== undefined; record = records.next()) {
          if (record.type !== contentTypes.values.handshake) continue;
          hellos.push(readClientHello(record.fragment.subarray(4)));
          if (hellos.length === 1) socket.write(helloRetryRequest(undefined, cookie));
          else socket.destroy();
        }
      });
    });
    const [first, second] = hellos;
    expect(first!.extensions).not.toContainEqual(cookie);
    expect(second).toEqual({ ...first, extensions: [...first!.extensions, cookie] });
  });

  it("says that nothing listens", async () => {
    const server = createServer();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    expect((await story(port)).problem).toMatchObject({ code: "verifier-unreachable" });
  });
});

const [x25519, ffdhe2048] = [0x001d, 0x0100];
const cookie: RawExtension = { type: 44, data: Buffer.from("0003616263", "hex") };

function helloRetryRequest(group?: number, ...more: RawExtension[]): Buffer {
  const body = writeServerHello({
    legacyVersion: tls12,
    random: helloRetryRandom,
    sessionId: Buffer.alloc(0),
    cipherSuite: 0x1301,
    compressionMethod: 0,
    extensions: [
      makeExtension(selectedVersion, tls13),
      ...(group === undefined ? [] : [makeExtension(retryGroup, group)]),
      ...more,
    ],
  });
  const { raw } = writeHandshake(handshakeTypes.values.server_hello, body);
  return writeRecord({ type: contentTypes.values.handshake, version: tls12, fragment: raw });
}

/** A ServerHello that announces 16 MiB, in records as long as they may be. */
function endless(): Buffer {
  const record = Buffer.alloc(5 + 0x4000, 0x02);
  record.set([0x16, 0x03, 0x03, 0x40, 0x00, 0x02, 0xff, 0xff, 0xff]);
  return record;
}
