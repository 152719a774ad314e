import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { type ProbedConnection, type ProbeReport, probeReport } from "../../src/probe/report-schema.js";
import { runExecutable } from "../process/run-executable.js";
import { startChild } from "../support/child.js";
import { freePort } from "../support/free-port.js";
import { runCommand } from "../support/run-command.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import { capture } from "./support/captured.js";

let files: TemporaryDirectory;
let pki: FieldReportPki;

beforeAll(async () => {
  files = await temporaryDirectory("nginx");
  pki = await fieldReportPki();
  await files.write("server.crt", pki.verifier.chainPem);
  await files.write("server.key", pki.verifier.keyPem);
  await files.write("ca.crt", pki.caCompleteChainPem);
  await files.write("other-ca.crt", pki.cvCa.ca.certPem);
  await files.write("own.crt", pki.plugin.chainPem);
  await files.write("own.key", pki.plugin.keyPem);
  await files.write("foreign.crt", pki.cvCa.client.certPem);
  await files.write("foreign.key", pki.cvCa.client.keyPem);
});
afterAll(() => files[Symbol.asyncDispose]());

type Client = "none" | "own" | "foreign";

/** What s_client tells of the same server, in the words of probe's report. */
interface Told {
  version: string;
  cipher: string;
  group: string;
  server: string[];
  schemes: string[];
  caNames: string[];
  status: number | undefined;
}

const clientPair = (client: Client) =>
  client === "none" ? [] : ["--cert", files.file(`${client}.crt`), "--key", files.file(`${client}.key`)];

async function probeOf(port: number, client: Client, ...more: string[]): Promise<ProbeReport> {
  const args = ["probe", `127.0.0.1:${port}`, "--servername", "localhost", "--json", ...clientPair(client), ...more];
  return probeReport.parse(JSON.parse((await runExecutable(args)).out));
}

async function askOpenssl(port: number, client: Client): Promise<Told> {
  const pair = clientPair(client).map((each) => each.replace(/^--/, "-"));
  const chain = client === "none" ? [] : ["-cert_chain", files.file(`${client}.crt`)];
  const { stdout } = await runCommand(
    "openssl",
    [
      ...["s_client", "-connect", `127.0.0.1:${port}`, "-servername", "localhost", "-showcerts", "-ign_eof"],
      ...["-nameopt", "RFC2253", ...pair, ...chain],
      // In probe's order, as nginx leaves the choice to the client.
      ...["-ciphersuites", "TLS_AES_128_GCM_SHA256", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
    ],
    { input: "GET /version HTTP/1.0\r\nHost: localhost\r\n\r\n", timeoutMs: 20_000 },
  );
  const line = (pattern: RegExp) => pattern.exec(stdout)?.[1] ?? "";
  const names = line(/^Acceptable client certificate CA names\n([\s\S]*?)^(?:Client Certificate Types|Requested)/m);
  const pems = stdout.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const isOnce = /^---\nServer certificate/m.test(stdout);
  return {
    version: line(/^ {4}Protocol {2}: TLSv([\d.]+)$/m),
    cipher: line(/, Cipher is (\S+)$/m),
    group: line(/^Server Temp Key: (?:ECDH, )?(\w+)/m).toLowerCase(),
    server: (isOnce ? pems : []).map((pem) => fingerprint(new X509Certificate(pem))),
    schemes: line(/^Requested Signature Algorithms: (.*)$/m)
      .split(":")
      .filter(Boolean),
    caNames: names.trim().split("\n").filter(Boolean),
    status: Number(line(/HTTP\/1\.1 (\d{3})/)) || undefined,
  };
}

const fingerprint = ({ fingerprint256 }: X509Certificate) => fingerprint256.replaceAll(":", "").toLowerCase();

/** As s_client spells what it was asked for: those that OpenSSL knows for keys of every kind by key and hash. */
function opensslScheme(name: string): string {
  const [, key, hash] = /^(ecdsa|rsa_pss_rsae|rsa|dsa)_(?:pkcs1_|secp\w+_)?(sha\d+)$/.exec(name) ?? [];
  if (key === undefined) return name;
  return `${key.replace("rsa_pss_rsae", "rsa-pss")}+${hash}`.toUpperCase();
}

/** What of probe's last connection s_client tells too. */
function comparable(connection: ProbedConnection): Told {
  const { certificate_request: request, server_certificates: server, http } = connection;
  return {
    version: connection.version!.replace("TLS ", ""),
    cipher: opensslCipher(connection.cipher_suite!),
    group: connection.group!.replace("secp256r1", "prime256v1"),
    server: server.map(({ sha256 }) => sha256),
    schemes: (request?.signature_algorithms ?? []).map(opensslScheme),
    caNames: (request?.ca_names ?? []).map((name) => name.replaceAll(", ", ",")),
    status: http?.status,
  };
}

/** TLS 1.3 suites are called alike; in 1.2 OpenSSL has names of its own. */
function opensslCipher(name: string): string {
  const [, exchange, size, hash] = /^TLS_(ECDHE_\w+)_WITH_AES_(\d+)_GCM_(SHA\d+)$/.exec(name) ?? [];
  return exchange === undefined ? name : `${exchange.replace("_", "-")}-AES${size}-GCM-${hash}`;
}

interface Site {
  directives: string[];
  /** Whether it asks, and what it makes of each client: outcome and HTTP status. */
  isAsking: boolean;
  made: Record<Client, string>;
  caNames: number;
}

const client = (file: string) => `ssl_client_certificate ${file};`;
const takesOwn = { none: "refused 400", own: "accepted 204", foreign: "refused 400" };
const takesAll = { none: "accepted 204", own: "accepted 204", foreign: "accepted 204" };
const sites: Record<string, Site> = {
  "ssl_verify_client off": { directives: [], isAsking: false, made: takesAll, caNames: 0 },
  "ssl_verify_client off with a CA": { directives: [client("ca.crt")], isAsking: false, made: takesAll, caNames: 0 },
  "ssl_verify_client on": {
    directives: ["ssl_verify_client on;", client("ca.crt")],
    isAsking: true,
    made: takesOwn,
    caNames: 2,
  },
  "ssl_verify_client optional": {
    directives: ["ssl_verify_client optional;", client("ca.crt")],
    isAsking: true,
    made: { ...takesOwn, none: "accepted 204" },
    caNames: 2,
  },
  "ssl_verify_client optional_no_ca": {
    directives: ["ssl_verify_client optional_no_ca;", client("ca.crt")],
    isAsking: true,
    made: takesAll,
    caNames: 2,
  },
  "ssl_verify_client on with ssl_trusted_certificate, whose names are not sent": {
    directives: ["ssl_verify_client on;", client("other-ca.crt"), "ssl_trusted_certificate ca.crt;"],
    isAsking: true,
    made: { none: "refused 400", own: "accepted 204", foreign: "accepted 204" },
    caNames: 1,
  },
  "ssl_verify_client optional_no_ca without any CA": {
    directives: ["ssl_verify_client optional_no_ca;"],
    isAsking: true,
    made: takesAll,
    caNames: 0,
  },
};

async function startSite(directives: readonly string[]): Promise<{ port: number } & AsyncDisposable> {
  const port = await freePort();
  const config = await files.write(
    `nginx-${port}.conf`,
    [
      `pid ${files.file(`${port}.pid`)}; error_log stderr; events {}`,
      "http { access_log off;",
      ...["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${files.path}/tmp;`),
      `server { listen 127.0.0.1:${port} ssl; ssl_certificate server.crt; ssl_certificate_key server.key;`,
      ...["ssl_verify_depth 3;", ...directives, "location / { return 204; } } }", ""],
    ].join("\n"),
  );
  const child = await startChild({
    command: "nginx",
    args: ["-p", files.path, "-c", config, "-g", "daemon off;"],
    env: { PATH: `${process.env.PATH}:/usr/sbin` },
  });
  await until(async () => (await runCommand("curl", ["-sk", `https://127.0.0.1:${port}`])).code === 0 || undefined, {
    what: "nginx",
    evidence: () => child.output(),
  });
  return { port, [Symbol.asyncDispose]: async () => void (await child.stop()) };
}

const cases = Object.keys(sites).flatMap((name) =>
  (["TLSv1.3", "TLSv1.2"] as const).map((only) => [name, only] as const),
);

describe("probe against nginx", () => {
  it.each(cases)("agrees with s_client on %s, %s only, for every client", async (name, only) => {
    const { directives, isAsking, made, caNames } = sites[name]!;
    await using site = await startSite([`ssl_protocols ${only};`, ...directives]);
    for (const each of ["none", "own", "foreign"] as const) {
      const report = await probeOf(site.port, each);
      const connection = report.connections.at(-1)!;
      const told = comparable(connection);
      expect({ each, ...told }).toEqual({ each, ...(await askOpenssl(site.port, each)) });
      expect({ each, made: `${connection.outcome} ${connection.http?.status}` }).toEqual({ each, made: made[each] });
      expect(connection.certificate_request !== null).toBe(isAsking);
      expect(told.caNames).toHaveLength(caNames);
      expect(told.version).toBe(only.slice(-3));
      const sent = each === "none" || !isAsking ? 0 : each === "own" ? 2 : 1;
      expect(connection.client_certificates).toHaveLength(sent);
      expect(connection.server_key_proven).toBe(true);
    }
  });

  it("asks a server of both versions for each by itself", async () => {
    await using site = await startSite(["ssl_protocols TLSv1.2 TLSv1.3;"]);
    const { connections } = await probeOf(site.port, "none", "--tls", "both");
    expect(connections.map(({ version, outcome }) => [version, outcome])).toEqual([
      ["TLS 1.3", "accepted"],
      ["TLS 1.2", "accepted"],
    ]);
  });

  it.each([
    ["TLSv1.2", "1.3"],
    ["TLSv1.3", "1.2"],
  ])("hears protocol_version from one of %s only when it offers %s alone", async (only, offered) => {
    await using site = await startSite([`ssl_protocols ${only};`]);
    const { connections, exit_code } = await probeOf(site.port, "none", "--tls", offered);
    expect(connections).toMatchObject([
      { outcome: "refused", alert: { name: "protocol_version", number: 70, from: "server", after: "ClientHello" } },
    ]);
    expect(exit_code).toBe(1);
  });
});

describe("probe against a server that asks again", () => {
  it.each([
    ["P-384", "secp384r1"],
    ["P-521", "secp521r1"],
  ])("answers its HelloRetryRequest for %s, as tshark sees", async (group, name) => {
    const port = await freePort();
    const own = ["-cert", files.file("server.crt"), "-key", files.file("server.key"), "-www"];
    const args = ["s_server", "-accept", `127.0.0.1:${port}`, "-tls1_3", "-groups", group, ...own];
    await using child = await startChild({ command: "openssl", args });
    await until(() => child.output().includes("ACCEPT"), { what: "s_server", evidence: () => child.output() });
    const file = files.file(`retry-${group}.pcapng`);
    const told: ProbedConnection[] = [];
    await capture(file, port, async () => {
      told.push(...(await probeOf(port, "none")).connections);
    });
    expect(told).toMatchObject([{ outcome: "accepted", version: "TLS 1.3", group: name }]);
    const types = ["-T", "fields", "-e", "tls.handshake.type", "-e", "tls.handshake.random"];
    const read = ["-r", file, "-d", `tcp.port==${port},tls`, "-Y", "tls.handshake.type", ...types];
    const seen = (await runCommand("tshark", read, { timeoutMs: 60_000 })).stdout.trim().split("\n");
    const isRetry = (line: string) => line.includes("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c");
    const names = seen.map((line) =>
      isRetry(line) ? "hello_retry_request" : line.startsWith("1\t") ? "client_hello" : "server_hello",
    );
    expect(names).toEqual(["client_hello", "hello_retry_request", "client_hello", "server_hello"]);
    expect(told[0]!.messages.slice(0, 4).map((message) => message.name)).toEqual(names);
  });
});
