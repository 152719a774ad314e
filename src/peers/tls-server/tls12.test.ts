import { once } from "node:events";
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { mutations } from "../../../test/support/mutations.js";
import { until } from "../../../test/support/until.js";
import { namedGroups } from "../../tls/tables/named-groups.js";
import { tls12 } from "../../tls/tables/protocol.js";
import { type FieldReportPki, fieldReportPki } from "../pki/field-report-pki.js";
import type { KeyType } from "../pki/key-pair.js";
import type { HandshakeStory } from "./story.js";
import { createTlsServer, type TlsServer, type TlsServerOptions } from "./tls-server.js";

// The oracle is node:tls, which is OpenSSL; test/real compares with the other libraries.
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

async function start(options: Partial<TlsServerOptions> = {}) {
  const stories: HandshakeStory[] = [];
  const keyLog: string[] = [];
  const server = createTlsServer(
    {
      certPem: pki.verifier.chainPem,
      keyPem: pki.verifier.keyPem,
      clientCertificates: "optional",
      trustedClientCaPem: pki.caCompleteChainPem,
      speaksTls12: true,
      onHandshake: (story) => stories.push(story),
      keyLog: (line) => keyLog.push(line),
      ...options,
    },
    (stream) => void stream.pipe(stream),
  );
  running.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { stories, keyLog, port: (server.address() as AddressInfo).port };
}

const client = (port: number, options: ConnectionOptions = {}): TLSSocket =>
  connect({
    port,
    host: "127.0.0.1",
    ca: pki.root.certPem,
    cert: pki.plugin.chainPem,
    key: pki.plugin.keyPem,
    maxVersion: "TLSv1.2",
    ...options,
  });

/** What came back of what was sent, and the cipher in use; or the error's code. */
async function echoed(socket: TLSSocket, sent = Buffer.from("hello")): Promise<{ back: Buffer; cipher: string }> {
  const pieces: Buffer[] = [];
  socket.on("data", (piece) => pieces.push(piece));
  socket.end(sent);
  const cipher = new Promise<string>((resolve) => socket.once("secureConnect", () => resolve(socket.getCipher().name)));
  await once(socket, "close");
  return { back: Buffer.concat(pieces), cipher: await cipher };
}

async function failure(socket: TLSSocket): Promise<string> {
  const [error] = await once(socket, "error");
  return (error as Error).message;
}

describe("a client that knows TLS 1.2 at most", () => {
  it.each<[KeyType, string]>([
    ["p256", "ECDHE-ECDSA"],
    ["p384", "ECDHE-ECDSA"],
    ["ed25519", "ECDHE-ECDSA"],
    ["rsa2048", "ECDHE-RSA"],
  ])("proves its key to a server and with a key of type %s", async (keyType, suite) => {
    const shown = await pki.issue({ commonName: "s", dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"], keyType });
    const presented = await pki.issue({ commonName: "c", eku: ["clientAuth"], keyPair: shown.keyPair });
    const { port, stories } = await start({ certPem: shown.chainPem, keyPem: shown.keyPem });
    const megabyte = Buffer.alloc(1 << 20, 7);
    const { back, cipher } = await echoed(client(port, { cert: presented.chainPem, key: presented.keyPem }), megabyte);
    expect(back.equals(megabyte)).toBe(true);
    expect(cipher).toMatch(suite);
    expect(stories).toMatchObject([{ outcome: "completed", version: tls12, isKeyProven: true }]);
    expect(stories[0]!.clientCertificates!.map(({ subject }) => subject)[0]).toBe("CN=c");
  });

  it.each(["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"])("is served with %s", async (suite) => {
    const { port, keyLog } = await start();
    const socket = client(port, { ciphers: `ECDHE-ECDSA-${suite}` });
    const theirs: string[] = [];
    socket.on("keylog", (line: Buffer) => theirs.push(line.toString().trim()));
    expect(await echoed(socket)).toEqual({ back: Buffer.from("hello"), cipher: `ECDHE-ECDSA-${suite}` });
    expect(keyLog).toEqual(theirs);
  });

  it.each(["X25519", "P-256", "P-384", "P-521"])("is served in group %s", async (group) => {
    // The client's groups limit the curves of certificates too (RFC 8422 section 5.1.1): Ed25519 has none.
    const shown = await pki.issue({ commonName: "s", ipAddresses: ["127.0.0.1"], keyType: "ed25519" });
    const { port, stories } = await start({ certPem: shown.chainPem, keyPem: shown.keyPem });
    const trustless = { cert: undefined, key: undefined, rejectUnauthorized: false };
    await echoed(client(port, { ecdhCurve: group, ...trustless }));
    const name = group === "X25519" ? "x25519" : `secp${group.slice(2)}r1`;
    expect(namedGroups.name(stories[0]!.group!)).toBe(name);
  });

  it("need not present anything", async () => {
    const { port, stories } = await start();
    await echoed(client(port, { cert: undefined, key: undefined }));
    expect(stories).toMatchObject([{ outcome: "completed", clientCertificates: [] }]);
  });

  it("is refused with OpenSSL's alerts", async () => {
    const { port } = await start({ clientCertificates: "required" });
    expect(await failure(client(port, { cert: undefined, key: undefined }))).toMatch(/handshake failure/);
    const { cvCa } = pki;
    const foreign = client(port, { cert: cvCa.client.certPem, key: cvCa.client.keyPem });
    expect(await failure(foreign)).toMatch(/unknown ca/);
    expect(await failure(client(port, { ciphers: "AES128-SHA" }))).toMatch(/handshake failure/);
  });

  it("is not served unless that is asked for", async () => {
    const { port, stories } = await start({ speaksTls12: false });
    expect(await failure(client(port))).toMatch(/protocol version/);
    expect(stories).toMatchObject([{ outcome: "refused", version: undefined }]);
  });

  it("sends any bytes and never ends the process", async () => {
    const { port, stories } = await start();
    const hello = await helloOf();
    for (const bytes of mutations(hello, 300)) {
      const socket = connectTcp(port, "127.0.0.1").on("error", () => {});
      socket.end(bytes).resume();
    }
    await until(() => stories.length === 300, { what: "the end of every connection" });
    await echoed(client(port));
    expect(stories.at(-1)).toMatchObject({ outcome: "completed" });
  });
});

/** What a TLS 1.2 client sends first. */
async function helloOf(): Promise<Buffer> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const socket = client((server.address() as AddressInfo).port).on("error", () => {});
  const [accepted] = (await once(server, "connection")) as [Socket];
  const [bytes] = (await once(accepted, "data")) as [Buffer];
  accepted.destroy();
  socket.destroy();
  server.close();
  return bytes;
}
