import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fieldReportPki } from "../peers/pki/field-report-pki.js";
import { createTlsServer, type TlsServer } from "../peers/tls-server/tls-server.js";
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
  ])("names %s as what it is", async (_, serve, code, words) => {
    const { outcome, problem } = await against(serve, 300);
    expect([outcome, problem?.code]).toEqual(["unknown", code]);
    expect(problem?.message).toMatch(words);
    expect(problem?.hint).toBeDefined();
  });

  it("says that nothing listens", async () => {
    const server = createServer();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    expect((await story(port)).problem).toMatchObject({ code: "verifier-unreachable" });
  });
});

/** A ServerHello that announces 16 MiB, in records as long as they may be. */
function endless(): Buffer {
  const record = Buffer.alloc(5 + 0x4000, 0x02);
  record.set([0x16, 0x03, 0x03, 0x40, 0x00, 0x02, 0xff, 0xff, 0xff]);
  return record;
}
