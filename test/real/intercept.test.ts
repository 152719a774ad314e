import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.js";
import { type Interceptor, type InterceptorOptions, startInterceptor } from "../../src/intercept/interceptor.js";
import { connectionReport, type ReportView } from "../../src/intercept/report.js";
import type { InterceptedConnection } from "../../src/intercept/report-schema.js";
import { type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { readCertificateFields } from "../../src/x509/extensions.js";
import { runChecked } from "../support/run-command.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import { startAttestingNode } from "./support/attesting-node.js";
import { enrolAtVerifier, untilAttested } from "./support/enrol.js";
import { describeWithPeers, peerPath } from "./support/peers.js";
import { type AskThrough, askAsNode, buildGoClient, type StackRequest, tlsStacks } from "./support/tls-stacks.js";

let files: TemporaryDirectory;
let pki: FieldReportPki;
let stacks: Record<string, AskThrough>;

beforeAll(async () => {
  files = await temporaryDirectory("intercept");
  pki = await fieldReportPki();
  await files.write("ca.pem", pki.caCompleteChainPem);
  await files.write("foreign-ca.pem", pki.cvCa.ca.certPem);
  await files.write("client.crt", pki.plugin.chainPem);
  await files.write("client.key", pki.plugin.keyPem);
  await files.write("default.crt", pki.cvCa.client.certPem);
  await files.write("default.key", pki.cvCa.client.keyPem);
  await buildGoClient(files.file("tls-go-client"));
  stacks = tlsStacks(files.file("tls-go-client"));
});
afterAll(() => files[Symbol.asyncDispose]());

/** Distributions may build Python with OpenSSL's own list of cipher suites (2), as Debian does; its ClientHello is OpenSSL's then. */
async function looksOf(name: string): Promise<string> {
  if (name !== "Python (OpenSSL)") return name;
  const asked = "import sysconfig; print(sysconfig.get_config_var('PY_SSL_DEFAULT_CIPHERS'))";
  return (await runChecked("python3", ["-c", asked])).trim() === "2" ? "OpenSSL" : name;
}

interface Watching extends AsyncDisposable {
  interceptor: Interceptor;
  seen: InterceptedConnection[];
  keyLog: string[];
}

async function watch(options: Partial<InterceptorOptions> = {}, view: Partial<ReportView> = {}): Promise<Watching> {
  const seen: InterceptedConnection[] = [];
  const keyLog: string[] = [];
  const whole: ReportView = { shown: [], clientCa: undefined, requestedNames: [], ...view };
  const interceptor = await startInterceptor({
    host: "127.0.0.1",
    port: 0,
    certPem: pki.verifier.chainPem,
    keyPem: pki.verifier.keyPem,
    requestedAuthorities: [],
    upstream: undefined,
    handshakeTimeoutMs: 5000,
    idleTimeoutMs: 5000,
    maxConnections: 8,
    keyLog: (line) => keyLog.push(line),
    clock: systemClock,
    onConnection: (connection) => seen.push(connectionReport(connection, whole)),
    ...options,
  });
  return { interceptor, seen, keyLog, [Symbol.asyncDispose]: () => interceptor.stop() };
}

type Ask = Omit<StackRequest, "url">;
const pairFiles = (name: string) => ({ cert: files.file(`${name}.crt`), key: files.file(`${name}.key`) });

/** What a client showed when it asked once. */
async function shown({ interceptor, seen }: Watching, ask: AskThrough, asked: Ask): Promise<InterceptedConnection> {
  seen.length = 0;
  await ask({ url: `https://127.0.0.1:${interceptor.address.port}/x`, ...asked });
  return until(() => seen[0], { what: "the intercepted connection" });
}

const commonNames = ({ client_certificates: chain }: InterceptedConnection) =>
  chain.map(({ subject }) => subject.split(",")[0]);

const everyStack = ["curl (OpenSSL)", "Go (crypto/tls)", "Python (OpenSSL)", "Node.js (OpenSSL)", "Java (JSSE)"];
const bothVersions = ["1.3", "1.2"] as const;
const cases = everyStack.flatMap((name) => bothVersions.map((version) => [name, version] as const));

describe.each(cases)("intercept and %s with TLS %s", (name, maxVersion) => {
  it("shows the presented certificate with its chain, and that the key was proven", async () => {
    await using watching = await watch();
    const told = await shown(watching, stacks[name]!, {
      ca: files.file("ca.pem"),
      pair: pairFiles("client"),
      maxVersion,
    });
    expect(told).toMatchObject({
      presented: "certificate",
      key_proven: true,
      looks_like: await looksOf(name),
      version: `TLS ${maxVersion}`,
      request: "GET /x",
      finding: null,
    });
    expect(commonNames(told)).toEqual(["CN=spire-server.keylime.funlab.casa", "CN=Book of Omens"]);
  });

  it("shows that none was presented although any would do", async () => {
    await using watching = await watch();
    const told = await shown(watching, stacks[name]!, { ca: files.file("ca.pem"), maxVersion });
    expect(told).toMatchObject({
      presented: "none",
      looks_like: await looksOf(name),
      version: `TLS ${maxVersion}`,
      status: 503,
      finding: { id: "client-cert-not-sent", message: expect.stringContaining("although any would do") },
    });
  });

  it("says that the client hung up because it does not trust the stand-in", async () => {
    await using watching = await watch();
    const told = await shown(watching, stacks[name]!, {
      ca: files.file("foreign-ca.pem"),
      pair: pairFiles("client"),
      maxVersion,
    });
    expect(told).toMatchObject({ looks_like: await looksOf(name), finding: { id: "intercept-not-trusted" } });
    // Node looks at the certificate when its handshake is over, and sends no alert.
    if (name === "Node.js (OpenSSL)") {
      expect(told).toMatchObject({ presented: maxVersion === "1.3" ? "not_reached" : "certificate", alert: null });
    } else {
      expect(told).toMatchObject({ presented: "not_reached", alert: { from: "client" } });
      expect(told.finding!.message).toMatch(/ it sent \w+ \(4\d\)$/);
    }
  });
});

describe.each(["node22", "node24", "node26"] as const)("intercept and %s", (peer) => {
  describeWithPeers([peer], "as a client", () => {
    it.each(bothVersions)("knows it for Node with TLS %s", async (maxVersion) => {
      await using watching = await watch();
      const ask = askAsNode(peerPath(peer));
      const told = await shown(watching, ask, { ca: files.file("ca.pem"), pair: pairFiles("client"), maxVersion });
      expect(told).toMatchObject({ key_proven: true, looks_like: "Node.js (OpenSSL)", version: `TLS ${maxVersion}` });
    });
  });
});

describe("intercept that names CAs", () => {
  it.each(["Go (crypto/tls)", "Java (JSSE)"])("says why %s sends none", async (name) => {
    const { raw } = new X509Certificate(pki.cvCa.ca.certPem);
    const requestedAuthorities = [readCertificateFields(raw).subject];
    await using watching = await watch({ requestedAuthorities }, { requestedNames: ["CN=Keylime"] });
    for (const maxVersion of bothVersions) {
      const asked = { ca: files.file("ca.pem"), pair: pairFiles("client"), maxVersion };
      const told = await shown(watching, stacks[name]!, asked);
      expect(told).toMatchObject({ presented: "none", ca_names_requested: ["CN=Keylime"] });
      expect(told.finding?.message).toBe(
        "the client sent no certificate; it was asked for one issued by CN=Keylime, and clients such as Go and Java send none that no named CA issued",
      );
    }
  });
});

describe("intercept with the field report's client", () => {
  it("names the certificate of Keylime's own CA, and what the real verifier would make of it", async () => {
    const clientCa = {
      file: "ca.pem",
      anchors: [pki.intermediate.certPem, pki.root.certPem].map((pem) => new X509Certificate(pem)),
    };
    const asked = { ca: files.file("ca.pem"), pair: pairFiles("default"), maxVersion: "1.3" } as const;
    await using plain = await watch();
    const told = await shown(plain, stacks["Go (crypto/tls)"]!, asked);
    expect(told.client_certificates[0]!.issuer).toContain("CN=Keylime Certificate Authority");
    expect(told.finding).toMatchObject({ id: "plugin-default-cert" });
    await using judging = await watch({}, { clientCa });
    const judged = await shown(judging, stacks["Go (crypto/tls)"]!, asked);
    expect(judged.finding?.message).toMatch(/^a server that trusts ca\.pem refuses it: unknown_ca \(48\), /);
  });
});

describeWithPeers(["keylime_verifier", "keylime_registrar"], "intercept on the leg from verifier to agent", () => {
  it("shows the real verifier's certificate, and its rounds go on through it", async () => {
    await using node = await startAttestingNode({ enrol: null });
    const { host, port } = node.keylimeAgent.address;
    await using watching = await watch({
      certPem: node.pki.agent.certPem,
      keyPem: node.pki.agent.keyPem,
      upstream: {
        host,
        port,
        serverName: "localhost",
        certPem: node.pki.verifier.chainPem,
        keyPem: node.pki.verifier.keyPem,
        caPem: node.pki.caCompleteChainPem,
        timeoutMs: 5000,
      },
    });
    const fields = { cloudagent_port: watching.interceptor.address.port };
    await enrolAtVerifier(node.keylime, node.agentId, { fields });
    await untilAttested(node.keylime, node.agentId, 2);
    const told = watching.seen[0]!;
    expect(told).toMatchObject({
      presented: "certificate",
      key_proven: true,
      // Debian builds its Python with OpenSSL's own list of cipher suites.
      looks_like: "OpenSSL",
      status: 200,
      answered_by: "upstream",
      finding: null,
    });
    expect(told.request).toMatch(/^GET \/v2\.5\/quotes\/integrity/);
    expect(commonNames(told)[0]).toBe("CN=verifier.keylime.funlab.casa");
  });
});
