import { X509Certificate } from "node:crypto";
import { request } from "node:https";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.js";
import { type Interceptor, startInterceptor } from "../../src/intercept/interceptor.js";
import { connectionReport } from "../../src/intercept/report.js";
import type { InterceptedConnection } from "../../src/intercept/report-schema.js";
import { type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { runChecked, runCommand } from "../support/run-command.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";

let files: TemporaryDirectory;
let pki: FieldReportPki;
let interceptor: Interceptor;
let goClient: string;
const seen: InterceptedConnection[] = [];

beforeAll(async () => {
  files = await temporaryDirectory("intercept");
  pki = await fieldReportPki();
  await files.write("ca.pem", pki.caCompleteChainPem);
  await files.write("foreign-ca.pem", pki.cvCa.ca.certPem);
  await files.write("client.crt", pki.plugin.chainPem);
  await files.write("client.key", pki.plugin.keyPem);
  goClient = files.file("tls-go-client");
  const cwd = new URL("./tls-go-client", import.meta.url).pathname;
  await runChecked("go", ["build", "-o", goClient, "."], { cwd, timeoutMs: 150_000 });
  interceptor = await startInterceptor({
    host: "127.0.0.1",
    port: 0,
    certPem: pki.verifier.chainPem,
    keyPem: pki.verifier.keyPem,
    upstream: undefined,
    handshakeTimeoutMs: 5000,
    idleTimeoutMs: 5000,
    maxConnections: 8,
    keyLog: undefined,
    clock: systemClock,
    onConnection: (connection) => seen.push(connectionReport(connection, [new X509Certificate(pki.verifier.certPem)])),
  });
});
afterAll(async () => {
  await interceptor.stop();
  await files[Symbol.asyncDispose]();
});

const url = () => `https://127.0.0.1:${interceptor.address.port}/x`;
type Start = (withCertificate: boolean, ca: string) => Promise<unknown>;
const pair = (withCertificate: boolean, ...flags: [string, string]) =>
  withCertificate ? [flags[0], files.file("client.crt"), flags[1], files.file("client.key")] : [];

const python = `
import http.client, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
if len(sys.argv) > 3: context.load_cert_chain(sys.argv[3], sys.argv[4])
connection = http.client.HTTPSConnection("127.0.0.1", int(sys.argv[1]), context=context)
connection.request("GET", "/x")
print(connection.getresponse().status)
`;

const clients: [looksLike: string, Start][] = [
  [
    "curl (OpenSSL)",
    (has, ca) => runCommand("curl", ["-s", "-m", "10", "--cacert", ca, ...pair(has, "--cert", "--key"), url()]),
  ],
  [
    "Go (crypto/tls)",
    (has, ca) =>
      runCommand(goClient, [url(), ca, ...(has ? [files.file("client.crt"), files.file("client.key")] : [])]),
  ],
  [
    "Python (OpenSSL)",
    (has, ca) => {
      const own = has ? [files.file("client.crt"), files.file("client.key")] : [];
      return runCommand("python3", ["-c", python, String(interceptor.address.port), ca, ...own]);
    },
  ],
  ["Node.js (OpenSSL)", askAsNode],
];

function askAsNode(withCertificate: boolean, ca: string): Promise<unknown> {
  const own = withCertificate ? { cert: pki.plugin.chainPem, key: pki.plugin.keyPem } : {};
  const caPem = ca.endsWith("foreign-ca.pem") ? pki.cvCa.ca.certPem : pki.caCompleteChainPem;
  return new Promise((resolve) => {
    const asked = request(url(), { ca: caPem, agent: false, ...own }, (answer) => answer.resume().on("end", resolve));
    asked.on("error", resolve).end();
  });
}

async function shown(start: Start, withCertificate: boolean, ca: string): Promise<InterceptedConnection> {
  seen.length = 0;
  await start(withCertificate, files.file(ca));
  return until(() => seen[0], { what: "the intercepted connection" });
}

describe.each(clients)("intercept and %s", (looksLike, start) => {
  it("shows the presented certificate with its chain, and that the key was proven", async () => {
    const told = await shown(start, true, "ca.pem");
    expect(told).toMatchObject({
      presented: "certificate",
      key_proven: true,
      looks_like: looksLike,
      request: "GET /x",
    });
    expect(told.client_certificates.map(({ subject }) => subject.split(",")[0])).toEqual([
      "CN=spire-server.keylime.funlab.casa",
      "CN=Book of Omens",
    ]);
    expect(told.finding).toBeNull();
  });

  it("shows that none was presented", async () => {
    expect(await shown(start, false, "ca.pem")).toMatchObject({
      presented: "none",
      looks_like: looksLike,
      status: 503,
    });
  });

  it("says that the client hung up because it does not trust the stand-in", async () => {
    const told = await shown(start, true, "foreign-ca.pem");
    expect(told).toMatchObject({ presented: "not_reached", finding: { id: "intercept-not-trusted" } });
  });
});
