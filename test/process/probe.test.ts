import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { encryptKeyPem } from "../../src/peers/pki/key-pair.js";
import { createTlsServer, type TlsServer } from "../../src/peers/tls-server/tls-server.js";
import { probeReport } from "../../src/probe/report-schema.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import { runExecutable, startExecutable } from "./run-executable.js";

let pki: FieldReportPki;
let files: TemporaryDirectory;
let verifier: TlsServer;
let target: string;

beforeAll(async () => {
  pki = await fieldReportPki();
  files = await temporaryDirectory("probe");
  await files.write("ca.pem", pki.caCompleteChainPem);
  await files.write("client.crt", pki.plugin.chainPem);
  await files.write("client.key", pki.plugin.keyPem);
  await files.write("default.crt", pki.cvCa.client.certPem);
  await files.write("default.key", pki.cvCa.client.keyPem);
  await files.write("encrypted.key", encryptKeyPem(pki.plugin.keyPem, "secret"));
  await files.write("password", "secret\n");
  await files.write("wrong-password", "guess\n");
  await files.write("stray.key", pki.tenant.keyPem);
  await files.write("text", "no PEM at all\n");
  verifier = createTlsServer(
    {
      certPem: pki.verifier.chainPem,
      keyPem: pki.verifier.keyPem,
      clientCertificates: "optional",
      trustedClientCaPem: pki.caCompleteChainPem,
    },
    (stream) => void stream.once("data", () => stream.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")),
  );
  target = `127.0.0.1:${await listening(verifier)}`;
});
afterAll(async () => {
  verifier.close();
  await files[Symbol.asyncDispose]();
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const pair = (cert = "client.crt", key = "client.key") => ["--cert", files.file(cert), "--key", files.file(key)];
const probe = (...args: string[]) => runExecutable(["probe", ...args]);

describe("probe as a process", () => {
  it("tells the answer first, then the server, then the handshake", async () => {
    const { code, out, err } = await probe(target, ...pair("default.crt", "default.key"), "--ca", files.file("ca.pem"));
    const refusal = "unknown_ca (48), sent by the server after the client's Finished";
    expect(out.split("\n")[0]).toBe(`${files.file("default.crt")}: refused: ${refusal}`);
    const places = ["  cause ", "  fix ", "without a certificate: accepted", "server at ", "handshake, "].map((words) =>
      out.indexOf(words),
    );
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(out).toContain("[plugin-default-cert]");
    expect(out.trimEnd().split("\n").at(-1)).toMatch(/<-+alert unknown_ca {2}2 bytes$/);
    expect({ code, err }).toEqual({ code: 1, err: "" });
  });

  it("prints one JSON document that its schema takes, and nothing else", async () => {
    const { code, out, err } = await probe(target, ...pair(), "--json");
    const report = probeReport.parse(JSON.parse(out));
    expect(report.connections.map(({ candidate, outcome }) => [candidate, outcome])).toEqual([
      [null, "accepted"],
      [files.file("client.crt"), "accepted"],
    ]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
  });

  it("tries every pair of a directory, and says what it left out and why", async () => {
    const { code, out } = await probe(target, "--try", files.path, "--ca", files.file("ca.pem"));
    expect(out).toMatch(/^1 of 2 certificates accepted by the server at /);
    expect(out).toContain(`  use: --cert ${files.file("client.crt")} --key ${files.file("client.key")}\n`);
    const leftOut = out.slice(out.indexOf("not tried\n")).trimEnd().split("\n").slice(1);
    const noPem = "holds neither a certificate nor a private key in PEM form";
    expect(leftOut).toEqual([
      `  ${files.file("ca.pem")}: a CA certificate`,
      `  ${files.file("encrypted.key")}: it is encrypted and no password is given`,
      `  ${files.file("password")}: ${noPem}`,
      `  ${files.file("stray.key")}: a private key without a certificate in the directory`,
      `  ${files.file("text")}: ${noPem}`,
      `  ${files.file("wrong-password")}: ${noPem}`,
    ]);
    expect(code).toBe(1);
  });

  it("opens an encrypted key with its password file", async () => {
    const encrypted = pair("client.crt", "encrypted.key");
    const run = await probe(target, ...encrypted, "--key-password-file", files.file("password"));
    expect({ code: run.code, err: run.err }).toEqual({ code: 0, err: "" });
    for (const [options, why] of [
      [[], "it is encrypted and no password is given"],
      [["--key-password-file", files.file("wrong-password")], "it is encrypted and the password does not open it"],
    ] as const) {
      const { code, err, out } = await probe(target, ...encrypted, ...options);
      expect(err).toContain(why);
      expect(err).not.toMatch(/guess|secret/);
      expect({ code, out }).toEqual({ code: 3, out: "" });
    }
  });

  it.each<[string, () => string[], number, RegExp]>([
    ["an unknown option", () => [target, "--certs", "x"], 2, /^error: unknown option '--certs'\n.*--cert\b/s],
    ["no target", () => [], 2, /missing required argument 'host:port'/],
    ["a target without a port", () => ["verifier"], 2, /^error: cannot read "verifier" as HOST:PORT \[usage\]\nhint: /],
    ["a key without its certificate", () => [target, "--key", "k"], 2, /^error: --key needs --cert/],
    ["a password for no key", () => [target, "--key-password-file", "p"], 2, /needs --cert or --try \[usage\]\nhint: /],
    ["an unknown stack", () => [target, "--as", "java"], 2, /Allowed choices are go, openssl, node, rust/],
    ["a missing file", () => [target, "--cert", "/nonexistent/c.crt"], 3, /^error: .*\/nonexistent\/c\.crt.*\nhint: /],
    ["a file that is none", () => [target, "--cert", files.file("text")], 3, /holds no certificate in PEM form/],
    ["the key of another", () => [target, ...pair("client.crt", "default.key")], 3, /\[key-mismatch\]/],
    ["a folder that is none", () => [target, "--try", files.file("text")], 2, /^error: .*text: it is no directory \[/],
    ["a folder without pairs", () => [target, "--try", "/proc/sys/net"], 2, /\[probe-no-candidates\]\nhint: /],
  ])("says what is wrong with %s", async (_, args, code, words) => {
    const run = await probe(...args());
    expect(run.err).toMatch(words);
    expect({ code: run.code, out: run.out }).toEqual({ code, out: "" });
  });

  it("explains itself with examples", async () => {
    const { code, out } = await probe("--help");
    expect(out).toContain("Examples:\n  spire-keylime probe verifier.example.org:8881\n");
    expect(code).toBe(0);
  });

  it("colours nothing that is not a terminal, and NO_COLOR nothing at all", async () => {
    const plain = await runExecutable(["probe", target], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } });
    expect(plain.out).not.toContain("\x1b");
    expect(plain.code).toBe(0);
  });

  it("ends without a word when its reader goes away", async () => {
    const child = startExecutable(["probe", target, "--verbose"]);
    child.closeOutput();
    expect(await child.ended).toMatchObject({ code: 0, signal: null, err: "" });
  });
});

type Serve = (socket: Socket) => void;
/** A ServerHello of TLS 1.0, as servers answer that know neither the newer versions nor the alert for it. */
const tls10Hello = Buffer.from(`160301002a02000026${"0301"}${"11".repeat(32)}00002f00`, "hex");
const hello = "the client's ClientHello";

/** [what it is, what it does with a connection, exit code, its words on stdout or stderr]. */
const oddServers: [string, Serve, number, string][] = [
  [
    "plain HTTP",
    (s) => void s.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    3,
    'TARGET answers with plain HTTP: "HTTP/1.1 400 Bad Request" [verifier-not-tls]',
  ],
  [
    "SSH",
    (s) => void s.end("SSH-2.0-OpenSSH_9.2\r\n"),
    3,
    'TARGET answers with something that is not TLS: "SSH-2.0-OpenSSH_9.2" [verifier-not-tls]',
  ],
  ["silence", () => {}, 3, `TARGET took the connection and did not answer ${hello} within 1.5s [probe-timeout]`],
  [
    "a slow drip",
    (s) => drip(s, Buffer.concat([Buffer.from("16030300ff020000fb0303", "hex"), Buffer.alloc(200)])),
    3,
    `TARGET did not finish the handshake within 1.5s: N bytes came after ${hello} [probe-timeout]`,
  ],
  [
    "a reset",
    (s) => void s.once("data", () => s.resetAndDestroy()),
    3,
    "TARGET reset the connection without answering the ClientHello [verifier-not-tls]",
  ],
  [
    "an end without an answer",
    (s) => void s.once("data", () => s.end()),
    3,
    "TARGET closed the connection without answering the ClientHello [verifier-not-tls]",
  ],
  [
    "a handshake without end",
    (s) => void s.write(Buffer.from("16030300040200ffff".repeat(20_000), "hex")),
    3,
    "TARGET sent bytes that are no handshake: cannot read",
  ],
  [
    "garbage in a record",
    (s) => void s.write(Buffer.from("1603030008ffffffffffffffff", "hex")),
    3,
    "TARGET sent bytes that are no handshake: cannot read 0xff",
  ],
  [
    "TLS 1.0 only, with a hello",
    (s) => void s.write(tls10Hello),
    1,
    "without a certificate: refused: the server answers with TLS 1.0, which was not offered",
  ],
  [
    "TLS 1.0 only, with an alert",
    (s) => void s.once("data", () => s.end(Buffer.from("15030100020246", "hex"))),
    1,
    "without a certificate: refused: protocol_version (70), sent by the server after the client's ClientHello",
  ],
];

function drip(socket: Socket, bytes: Buffer): void {
  let at = 0;
  const timer = setInterval(() => socket.write(bytes.subarray(at, ++at)), 100);
  socket.on("close", () => clearInterval(timer));
}

describe("probe against an odd server", () => {
  it.each(oddServers)("names %s as what it is", async (_, serve, code, words) => {
    const server = createServer((socket) => serve(socket.on("error", () => {})));
    const odd = `127.0.0.1:${await listening(server)}`;
    const run = await probe(odd, "--timeout", "1500ms");
    server.close();
    const told = `${run.out}${run.err}`.replaceAll(odd, "TARGET").replace(/: \d+ bytes came/, ": N bytes came");
    expect(told).toContain(words);
    // What could not be judged says what to do next, on stderr alone.
    if (code === 3) expect({ out: run.out, hint: /\nhint: .+\n$/.test(run.err) }).toEqual({ out: "", hint: true });
    expect(run.code).toBe(code);
  });

  it("ends a hanging probe on Ctrl-C at once", async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket.on("error", () => {})));
    const child = startExecutable(["probe", `127.0.0.1:${await listening(server)}`, ...pair(), "--timeout", "30s"]);
    await until(() => sockets[0], { what: "the connection", evidence: child.err });
    const startMs = performance.now();
    child.kill("SIGINT");
    const run = await child.ended;
    server.close();
    expect(run).toMatchObject({ code: 3, signal: null, out: "" });
    expect(run.err).toMatch(/^error: the probe of 127\.0\.0\.1:\d+ was interrupted \[interrupted\]\n$/);
    expect(performance.now() - startMs).toBeLessThan(5000);
    expect(sockets).toHaveLength(1);
  });
});
