import { lstatSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { interceptReport } from "../../src/intercept/report-schema.js";
import { type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { encryptKeyPem } from "../../src/peers/pki/key-pair.js";
import { createTlsServer, type TlsServer } from "../../src/peers/tls-server/tls-server.js";
import { freePort } from "../support/free-port.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import { type ExecutableRun, type RunningExecutable, runExecutable, startExecutable } from "./run-executable.js";

let pki: FieldReportPki;
let files: TemporaryDirectory;

beforeAll(async () => {
  pki = await fieldReportPki();
  files = await temporaryDirectory("intercept");
  await files.write("ca.pem", pki.caCompleteChainPem);
  await files.write("verifier.crt", pki.verifier.chainPem);
  await files.write("verifier.key", pki.verifier.keyPem);
  await files.write("client.crt", pki.plugin.chainPem);
  await files.write("client.key", pki.plugin.keyPem);
  await files.write("encrypted.key", encryptKeyPem(pki.verifier.keyPem, "secret"));
  await files.write("password", "secret\n");
  await files.write("text", "no PEM at all\n");
});
afterAll(() => files[Symbol.asyncDispose]());

const pair = (cert = "verifier.crt", key = "verifier.key") => ["--cert", files.file(cert), "--key", files.file(key)];
const intercept = (...args: string[]) => runExecutable(["intercept", ...args]);

interface Listening {
  child: RunningExecutable;
  port: number;
}

async function listening(...args: string[]): Promise<Listening> {
  const child = startExecutable(["intercept", "--listen", "127.0.0.1:0", ...args]);
  const port = await until(() => Number(/^listening on 127\.0\.0\.1:(\d+)/m.exec(child.err())?.[1]) || undefined, {
    what: "intercept to listen",
    evidence: child.err,
  });
  return { child, port };
}

async function ended({ child }: Listening, signal?: NodeJS.Signals): Promise<ExecutableRun> {
  if (signal !== undefined) child.kill(signal);
  return child.ended;
}

type Client = { cert?: string; key?: string; ca?: string };
const trusting = (): Client => ({ ca: pki.caCompleteChainPem });
const presenting = (): Client => ({ ...trusting(), cert: pki.plugin.chainPem, key: pki.plugin.keyPem });

/** What a client of Node gets: status and body, or the code of its error. */
function ask(port: number, options: Client, path = "/v2.2/agents/x?nonce=0123"): Promise<string> {
  return new Promise((resolve) => {
    const asked = request({ host: "127.0.0.1", port, path, agent: false, ...options }, (answer) => {
      let body = "";
      answer.on("data", (chunk) => {
        body += chunk;
      });
      answer.on("end", () => resolve(`${answer.statusCode} ${body.trim()}`));
    });
    asked.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    asked.end();
  });
}

/** Whatever comes back until the peer ends the connection. */
function exchangeBytes(port: number, bytes: Buffer | string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.on("data", (chunk) => received.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => resolve(Buffer.concat(received)));
  });
}

const port = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
};

const keyBytes = () => pki.verifier.keyPem.split("\n")[1]!;

describe("intercept as a process", () => {
  it("explains itself with examples", async () => {
    const { code, out, err } = await intercept("--help");
    expect(out).toContain("Examples:\n  spire-keylime intercept --listen 127.0.0.1:18881 --once\n");
    expect({ code, err }).toEqual({ code: 0, err: "" });
  });

  it.each<[string, () => string[], number, RegExp]>([
    ["no address", () => [], 2, /required option '--listen <addr>' not specified/],
    ["an unknown option", () => ["--listen", "0", "--certs", "x"], 2, /^error: unknown option '--certs'\n.*--cert\b/s],
    ["an argument too many", () => ["--listen", "0", "x"], 2, /too many arguments/],
    ["an address that is none", () => ["--listen", "verifier"], 2, /^error: cannot read "verifier" as HOST:PORT/],
    ["a port that is none", () => ["--listen", "70000"], 2, /^error: cannot read "70000" as HOST:PORT/],
    ["a time-out that is none", () => ["--listen", "0", "--timeout", "soon"], 2, /expected a duration such as 5s/],
    ["a key without its certificate", () => ["--listen", "0", "--key", "k"], 2, /^error: --key needs --cert/],
    ["a target without trust", () => ["--listen", "0", "--to", "h:1"], 2, /^error: --to needs --upstream-ca/],
    ["what only --to uses", () => ["--listen", "0", "--upstream-ca", "x"], 2, /^error: --upstream-ca needs --to/],
    [
      "an upstream key without its certificate",
      () => ["--listen", "0", "--to", "h:1", "--upstream-ca", files.file("ca.pem"), "--upstream-key", "k"],
      2,
      /^error: --upstream-key needs --upstream-cert/,
    ],
    ["a missing file", () => ["--listen", "0", ...pair("gone.crt")], 3, /^error: .*gone\.crt.*\nhint: /],
    ["a file that is none", () => ["--listen", "0", ...pair("text")], 3, /text.* holds no certificate in PEM form/],
    ["a certificate without its key", () => ["--listen", "0", "--cert", files.file("client.crt")], 3, /no private key/],
    ["the key of another", () => ["--listen", "0", ...pair("client.crt")], 3, /\[key-mismatch\]/],
    ["an encrypted key", () => ["--listen", "0", ...pair("verifier.crt", "encrypted.key")], 3, /\[key-encrypted\]/],
    ["a trust file that is none", () => ["--listen", "0", "--client-ca", files.file("text")], 3, /holds no cert/],
    [
      "a key log nowhere",
      () => ["--listen", "0", "--keylog", files.file("gone/keys")],
      3,
      /^error: cannot write the key log .*gone\/keys.*\nhint: /,
    ],
    ["a key log that is no file", () => ["--listen", "0", "--keylog", "/dev/null"], 3, /it is not a regular file/],
    ["an address of another host", () => ["--listen", "192.0.2.1:0"], 3, /this host does not have the address/],
  ])("says what is wrong with %s", async (_, args, code, words) => {
    const run = await intercept(...args());
    expect(run.err).toMatch(words);
    expect(run.err).not.toMatch(/\n\s+at /);
    expect({ code: run.code, out: run.out }).toEqual({ code, out: "" });
  });

  it("says that the port is taken", async () => {
    const other = createServer();
    const taken = await port(other);
    const { code, err, out } = await intercept("--listen", String(taken));
    other.close();
    expect(err).toContain(
      `error: cannot listen on 127.0.0.1:${taken}: the port is taken [intercept-listen]\nhint: stop what listens there, or choose another port\n`,
    );
    expect({ code, out }).toEqual({ code: 3, out: "" });
  });

  it("shows each client until Ctrl-C, and then counts them", async () => {
    const watching = await listening(...pair());
    expect(await ask(watching.port, presenting())).toMatch(/^503 .*--to is not set/);
    expect(await ask(watching.port, trusting())).toMatch(/^503 /);
    expect(await ask(watching.port, {})).toMatch(/UNABLE_TO|SELF_SIGNED/);
    await until(() => watching.child.out().includes("left before it presented anything") || undefined, {
      what: "the third connection",
      evidence: watching.child.out,
    });
    const { code, signal, out, err } = await ended(watching, "SIGINT");
    const verdicts = [...out.matchAll(/^\S+Z {2}127\.0\.0\.1:\d+ {2}(.*)$/gm)].map(([, verdict]) => verdict);
    expect(verdicts).toEqual([
      "presented a certificate and proved its key",
      "presented no certificate",
      "left before it presented anything",
    ]);
    expect(out).toMatch(/^ {2}certificate {2}CN=spire-server\.keylime\.funlab\.casa, issued by CN=Book of Omens/m);
    expect(out).toContain("[client-cert-not-sent]");
    expect(out).toContain("[intercept-not-trusted]");
    expect(out).not.toContain("nonce");
    expect(err).toMatch(/\n3 connections: 1 with a certificate, 1 without, 1 left before that\n$/);
    expect({ code, signal }).toEqual({ code: 0, signal: null });
  });

  it.each(["SIGINT", "SIGTERM"] as const)("ends in order on %s before anybody came", async (signal) => {
    const run = await ended(await listening(), signal);
    expect(run).toMatchObject({ code: 0, signal: null, out: "" });
    expect(run.err).toMatch(/\n0 connections: 0 with a certificate, 0 without, 0 left before that\n$/);
  });

  it("prints with --once --json one document that its schema takes", async () => {
    const watching = await listening(...pair(), "--once", "--json");
    expect(await ask(watching.port, presenting())).toMatch(/^503 /);
    const { code, out } = await ended(watching);
    const report = interceptReport.parse(JSON.parse(out));
    expect(report).toMatchObject({ listen: `127.0.0.1:${watching.port}`, to: null });
    expect(report.connections).toMatchObject([
      { presented: "certificate", key_proven: true, request: "GET /v2.2/agents/x", status: 503, finding: null },
    ]);
    expect(code).toBe(0);
  });

  it("prints with --json a line for each connection", async () => {
    const watching = await listening(...pair(), "--json");
    await ask(watching.port, presenting());
    await ask(watching.port, trusting());
    const { out } = await ended(watching, "SIGTERM");
    const reports = out.trimEnd().split("\n");
    expect(reports.map((line) => interceptReport.parse(JSON.parse(line)).connections[0]!.presented)).toEqual([
      "certificate",
      "none",
    ]);
  });

  it("ends with 1 after --once and a client that does not trust it, and says what to do", async () => {
    const watching = await listening("--once");
    await exchangeBytes(watching.port, "GET / HTTP/1.1\r\n\r\n");
    const { code, out, err } = await ended(watching);
    expect(out).toContain("does the client speak TLS to this port");
    expect(err).toContain("note: clients are shown a self-signed certificate");
    expect(code).toBe(1);
  });

  it("writes a key log that nobody else reads, behind what it held, and warns of it", async () => {
    const keys = await files.write("keys", "# here before\n");
    const watching = await listening(...pair(), "--keylog", keys, "--once");
    await ask(watching.port, presenting());
    const { err } = await ended(watching);
    expect(err).toContain(`warning: secrets of every connection go to ${keys} (mode 0600): delete it`);
    expect(lstatSync(keys).mode & 0o777).toBe(0o600);
    const lines = readFileSync(keys, "latin1").trimEnd().split("\n");
    expect(lines[0]).toBe("# here before");
    expect(lines.slice(1).map((line) => line.split(" ")[0])).toEqual([
      "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
      "SERVER_HANDSHAKE_TRAFFIC_SECRET",
      "CLIENT_TRAFFIC_SECRET_0",
      "SERVER_TRAFFIC_SECRET_0",
      "EXPORTER_SECRET",
    ]);
  });

  it("opens an encrypted key with its password file, and tells neither", async () => {
    const watching = await listening(
      ...pair("verifier.crt", "encrypted.key"),
      "--key-password-file",
      files.file("password"),
    );
    expect(await ask(watching.port, trusting())).toMatch(/^503 /);
    const { out, err } = await ended(watching, "SIGINT");
    expect(`${out}${err}`).not.toContain(keyBytes());
    expect(`${out}${err}`).not.toContain("secret\n");
  });

  it("ends without a word when its reader goes away", async () => {
    const watching = await listening(...pair());
    watching.child.closeOutput();
    await ask(watching.port, trusting());
    expect(await watching.child.ended).toMatchObject({ code: 0, signal: null });
  });
});

describe("intercept and an odd client", () => {
  it("gives up one that hangs, and serves others meanwhile", async () => {
    const watching = await listening(...pair(), "--timeout", "1s");
    const hanging = exchangeBytes(watching.port, Buffer.from("160301", "hex"));
    expect(await ask(watching.port, presenting())).toMatch(/^503 /);
    expect((await hanging).length).toBe(0);
    const { out } = await ended(watching, "SIGINT");
    expect(out).toContain("no ClientHello came: the handshake took longer than 1000 ms");
  });

  it.each<[string, Buffer | string, RegExp]>([
    ["plain HTTP", "GET / HTTP/1.1\r\n\r\n", /no ClientHello came: /],
    ["garbage in a record", Buffer.from("1603010008ffffffffffffffff", "hex"), /no ClientHello came: /],
    ["a message without end", Buffer.from("16030100040100ffff".repeat(20_000), "hex"), /no ClientHello came: /],
    ["an alert alone", Buffer.from("15030100020228", "hex"), /no ClientHello came: the client sent handshake_failure/],
  ])("answers %s and lives on", async (_, bytes, words) => {
    const watching = await listening(...pair());
    await exchangeBytes(watching.port, bytes).catch(() => {});
    expect(await ask(watching.port, presenting())).toMatch(/^503 /);
    const { code, out } = await ended(watching, "SIGINT");
    expect(out).toMatch(words);
    expect(out).not.toMatch(/\n\s+at /);
    expect(code).toBe(0);
  });
});

describe("intercept --to", () => {
  let verifier: TlsServer;
  let target: string;
  const trust = () => ["--upstream-ca", files.file("ca.pem")];
  const own = () => ["--upstream-cert", files.file("client.crt"), "--upstream-key", files.file("client.key")];

  beforeAll(async () => {
    verifier = createTlsServer(
      {
        certPem: pki.verifier.chainPem,
        keyPem: pki.verifier.keyPem,
        clientCertificates: "required",
        trustedClientCaPem: pki.caCompleteChainPem,
      },
      (stream) => void stream.once("data", () => stream.end("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nreal")),
    );
    target = `127.0.0.1:${await port(verifier)}`;
  });
  afterAll(() => void verifier.close());

  it("passes the request on with its own certificate", async () => {
    const watching = await listening(...pair(), "--once", "--json", "--to", target, ...own(), ...trust());
    expect(await ask(watching.port, trusting())).toBe("404 real");
    const { code, out } = await ended(watching);
    const { to, connections } = interceptReport.parse(JSON.parse(out));
    expect(to).toBe(target);
    expect(connections).toMatchObject([
      { presented: "none", status: 404, answered_by: "upstream", upstream_problem: null },
    ]);
    expect(code).toBe(0);
  });

  it.each<[string, () => Promise<string[]>, RegExp]>([
    [
      "nothing listens",
      async () => ["--to", `127.0.0.1:${await freePort()}`, ...own(), ...trust()],
      /cannot pass the request on to 127\.0\.0\.1:\d+: connect ECONNREFUSED/,
    ],
    [
      "nobody answers to the name",
      async () => ["--to", "verifier.invalid:8881", ...own(), ...trust()],
      /cannot pass the request on to verifier\.invalid:8881: .*(ENOTFOUND|EAI_AGAIN)/,
    ],
    [
      "its own certificate is missed",
      async () => ["--to", target, ...trust()],
      /cannot pass the request on to 127\.0\.0\.1:\d+: .*certificate required/i,
    ],
    [
      "the server behind is not the one that is trusted",
      async () => ["--to", target, ...own(), "--upstream-ca", files.file("cv-ca.pem")],
      /cannot pass the request on to 127\.0\.0\.1:\d+: .*(unable to get|self.signed)/i,
    ],
  ])("answers with 502 and the reason when %s", async (_, args, words) => {
    await files.write("cv-ca.pem", pki.cvCa.ca.certPem);
    const watching = await listening(...pair(), "--json", "--once", ...(await args()));
    const answer = await ask(watching.port, presenting());
    expect(answer).toMatch(/^502 /);
    expect(answer).toMatch(words);
    const { code, out } = await ended(watching);
    const [connection] = interceptReport.parse(JSON.parse(out)).connections;
    expect(connection).toMatchObject({ presented: "certificate", status: 502, answered_by: "intercept" });
    expect(connection!.upstream_problem).toMatch(words);
    expect(code).toBe(0);
  });

  it("answers with 502 when the server behind takes the connection and says nothing", async () => {
    const silent = createServer((socket) => void socket.on("error", () => {}));
    const to = ["--to", `127.0.0.1:${await port(silent)}`, ...own(), ...trust(), "--timeout", "1s"];
    const watching = await listening(...pair(), "--once", ...to);
    expect(await ask(watching.port, presenting())).toMatch(/^502 .*no answer within 1000 ms/);
    const { out } = await ended(watching);
    silent.close();
    expect(out).toMatch(/ {2}upstream {5}cannot pass the request on to 127\.0\.0\.1:\d+: no answer within 1000 ms/);
  });
});
