import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { KeyLog } from "../../src/trace/key-log.js";
import type { TracedConnection } from "../../src/trace/report-schema.js";
import { CaptureTrace } from "../../src/trace/trace-capture.js";
import { type Child, startChild } from "../support/child.js";
import { freePort } from "../support/free-port.js";
import { runCommand } from "../support/run-command.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import { tsharkCaLists, tsharkStreams } from "./support/tshark.js";

// Captures are made on lo, which needs root or the right to capture; tshark, openssl, python3 and node are the oracles.

const dayMs = 86_400_000;
const clients = ["none", "plugin", "foreign", "expired", "serverOnly"] as const;
type ClientName = (typeof clients)[number];

let files: TemporaryDirectory;
let pki: FieldReportPki;

beforeAll(async () => {
  files = await temporaryDirectory("trace");
  pki = await fieldReportPki();
  const expired = await pki.issue({
    commonName: "old",
    eku: ["clientAuth"],
    notBefore: new Date(0),
    notAfter: new Date(Date.now() - dayMs),
  });
  const serverOnly = await pki.issue({ commonName: "server only", eku: ["serverAuth"] });
  const pairs = { server: pki.verifier, plugin: pki.plugin, foreign: pki.cvCa.client, expired, serverOnly };
  for (const [name, { chainPem, keyPem }] of Object.entries(pairs)) {
    await files.write(`${name}.crt`, chainPem);
    await files.write(`${name}.key`, keyPem);
  }
  await files.write("ca.crt", pki.caCompleteChainPem);
});
afterAll(() => files[Symbol.asyncDispose]());

/** Starts a capture of one port, runs what is to be captured, and returns the file once tshark has written it all. */
async function captured(name: string, port: number, run: () => Promise<void>): Promise<string> {
  const file = files.file(`${name}.pcapng`);
  const args = ["-q", "-i", "lo", "-f", `tcp port ${port}`, "-w", file];
  await using capture = await startChild({ command: "dumpcap", args });
  await until(() => /File:/.test(capture.output()), {
    what: "dumpcap to capture",
    timeoutMs: 20_000,
    evidence: () => capture.output(),
  });
  await run();
  // dumpcap reads the kernel's buffer in turns: a last connection that it has seen proves that all before it are there.
  await until(async () => await sees(file, port), { what: "the marker connection in the capture", timeoutMs: 20_000 });
  await capture.stop();
  return file;
}

/** A connection that resets is refused by its RST; its SYN in the file marks the end. */
async function sees(file: string, port: number): Promise<boolean> {
  const marker = await freePort();
  await runCommand("python3", [
    "-c",
    `import socket
s=socket.socket(); s.bind(("127.0.0.1",${marker})); s.settimeout(1)
try: s.connect(("127.0.0.1",${port}))
except OSError: pass`,
  ]);
  const { stdout } = await runCommand("tshark", ["-r", file, "-Y", `tcp.port==${marker}`]);
  return stdout !== "";
}

async function traced(file: string, keyLogFile?: string): Promise<TracedConnection[]> {
  const connections: TracedConnection[] = [];
  const keyLog = new KeyLog();
  if (keyLogFile !== undefined) keyLog.add(await readFile(keyLogFile, "latin1"));
  const trace = new CaptureTrace({ keyLog, onConnection: (connection) => connections.push(connection) });
  trace.push(await readFile(file));
  expect(trace.finish().problems).toEqual([]);
  // The marker sends nothing, and some servers answer that with an alert that tshark takes for no TLS.
  const spoken = connections.filter(({ steps }) => steps.some(({ name }) => name === "client_hello"));
  return spoken.sort((a, b) => a.number - b.number);
}

/** Everything tshark sees, certificate by certificate and alert by alert, is what trace tells. */
async function expectAgreement(file: string, keyLog?: string): Promise<TracedConnection[]> {
  const connections = await traced(file, keyLog);
  const streams = await tsharkStreams(file, keyLog);
  const caLists = await tsharkCaLists(file, keyLog);
  const ours = connections.map((connection) => ({
    client: connection.client_certificates.map(({ sha256 }) => sha256),
    server: connection.server_certificates.map(({ sha256 }) => sha256),
    alerts: connection.alerts.filter(({ number }) => number !== null).map(({ from, number }) => `${from} ${number}`),
    caNames: connection.ca_names?.length ?? null,
  }));
  const theirs = connections.map(({ number, client }) => {
    // Both number connections from the first packet on: tshark from 0.
    const stream = streams.get(number - 1) ?? { certificates: [], alerts: [] };
    const side = (port: number): string => (port === client.port ? "client" : "server");
    const of = (wanted: string) =>
      stream.certificates.filter(({ fromPort }) => side(fromPort) === wanted).flatMap(({ der }) => der.map(sha256));
    return {
      client: of("client"),
      server: of("server"),
      alerts: stream.alerts.map(({ fromPort, number }) => `${side(fromPort)} ${number}`),
      caNames: caLists.get(number - 1) ?? null,
    };
  });
  expect(ours).toEqual(theirs);
  return connections;
}

function sha256(hex: string): string {
  return createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex");
}

async function opensslClient(port: number, client: ClientName, version: string, keyLog: string): Promise<void> {
  const own =
    client === "none"
      ? []
      : [
          "-cert",
          files.file(`${client}.crt`),
          "-key",
          files.file(`${client}.key`),
          "-cert_chain",
          files.file(`${client}.crt`),
        ];
  const args = [
    "s_client",
    "-connect",
    `127.0.0.1:${port}`,
    `-tls1_${version}`,
    "-CAfile",
    files.file("ca.crt"),
    "-servername",
    "localhost",
  ];
  await runCommand("openssl", [...args, "-keylogfile", keyLog, "-ign_eof", ...own], {
    input: "Q\n",
    timeoutMs: 10_000,
  });
}

async function listening(server: Child, port: number): Promise<void> {
  await until(async () => (await runCommand("bash", ["-c", `exec 3<>/dev/tcp/127.0.0.1/${port}`])).code === 0, {
    what: `${server.name} to listen`,
    timeoutMs: 20_000,
    evidence: () => server.output(),
  });
}

const pythonServer = `
import socket, ssl, sys
port, version, directory = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(directory + "/server.crt", directory + "/server.key")
context.load_verify_locations(directory + "/ca.crt")
context.verify_mode = ssl.CERT_REQUIRED
context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3 if version == "3" else ssl.TLSVersion.TLSv1_2
listener = socket.create_server(("127.0.0.1", port))
while True:
    connection, _ = listener.accept()
    try:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(100)
            tls.sendall(b"bye")
    except (ssl.SSLError, OSError) as error:
        connection.close()
`;

const nodeServer = `
const [port, version, directory] = process.argv.slice(1);
const { readFileSync } = require("node:fs");
const read = (name) => readFileSync(directory + "/" + name);
require("node:tls").createServer({ cert: read("server.crt"), key: read("server.key"), ca: read("ca.crt"), requestCert: true,
  rejectUnauthorized: true, minVersion: "TLSv1." + version, maxVersion: "TLSv1." + version },
  (socket) => socket.end("bye")).on("tlsClientError", () => {}).listen(Number(port), "127.0.0.1");
`;

const servers: Record<string, (port: number, version: string) => { command: string; args: string[] }> = {
  openssl: (port, version) => ({
    command: "openssl",
    args: [
      ...["s_server", "-accept", `127.0.0.1:${port}`, `-tls1_${version}`, "-cert", files.file("server.crt")],
      ...[
        "-key",
        files.file("server.key"),
        "-CAfile",
        files.file("ca.crt"),
        "-Verify",
        "3",
        "-verify_return_error",
        "-www",
      ],
    ],
  }),
  python: (port, version) => ({ command: "python3", args: ["-c", pythonServer, String(port), version, files.path] }),
  node: (port, version) => ({ command: "node", args: ["-e", nodeServer, "--", String(port), version, files.path] }),
};

const refusals: Record<ClientName, string> = {
  none: "refused client-cert-not-sent",
  plugin: "accepted null",
  foreign: "refused ca-wrong",
  expired: "refused cert-expired",
  serverOnly: "refused cert-no-client-auth",
};

describe("trace and tshark agree", () => {
  describe.each(Object.keys(servers))("on a server of %s", (name) => {
    it.each(["2", "3"])("over TLS 1.%s", async (version) => {
      const port = await freePort();
      const keyLog = files.file(`${name}-${version}.keys`);
      await using server = await startChild(servers[name]!(port, version));
      await listening(server, port);
      const file = await captured(`${name}-${version}`, port, async () => {
        for (const client of clients) await opensslClient(port, client, version, keyLog);
      });
      // Alerts behind TLS 1.2's ChangeCipherSpec are the one thing tshark opens with a key log and trace does not.
      const connections = await expectAgreement(file, version === "3" ? keyLog : undefined);
      expect(connections.map(({ version: spoken }) => spoken)).toEqual(clients.map(() => `TLS 1.${version}`));
      // Node's own server closes without an alert, or accepts and closes: only what others say is judged.
      if (name !== "node") {
        const outcomes = connections.map(({ outcome, fault }) => `${outcome} ${fault?.id ?? null}`);
        expect(outcomes).toEqual(clients.map((client) => refusals[client]));
      }
      await expectAgreement(file);
    });
  });
});
