import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CertificateAuthority, IssuedCertificate } from "../../src/peers/pki/authority.js";
import { type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import type { HandshakeStory } from "../../src/peers/tls-server/story.js";
import { createTlsServer, type TlsServer, type TlsServerOptions } from "../../src/peers/tls-server/tls-server.js";
import { startChild } from "../support/child.js";
import { freePort } from "../support/free-port.js";
import { runCommand } from "../support/run-command.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";

// Every oracle is on the machine: openssl, curl, python3 and go are what the tests compare with, so a missing one fails.

const dayMs = 86_400_000;
let pki: FieldReportPki;
let files: TemporaryDirectory;
/** What the clients may present: name, and what stands in the certificate file. */
let clients: Record<ClientName, { certPem: string; keyPem: string } | undefined>;
let goClient: string;

type ClientName = "none" | "plugin" | "serverOnly" | "foreign" | "leafOnly" | "expired" | "notYetValid";
type TrustName = "complete" | "root" | "intermediate" | "empty";

beforeAll(async () => {
  files = await temporaryDirectory("tls");
  pki = await fieldReportPki({ keyType: "rsa2048" });
  const issue = (options: Parameters<CertificateAuthority["issue"]>[0]) =>
    pki.issue({ eku: ["clientAuth"], ...options });
  const chain = ({ chainPem, keyPem }: IssuedCertificate) => ({ certPem: chainPem, keyPem });
  clients = {
    none: undefined,
    plugin: chain(pki.plugin),
    serverOnly: chain(await issue({ commonName: "server only", eku: ["serverAuth"] })),
    foreign: { certPem: pki.cvCa.files["server-cert.crt"], keyPem: pki.cvCa.files["server-private.pem"] },
    leafOnly: { certPem: pki.plugin.certPem, keyPem: pki.plugin.keyPem },
    expired: chain(await issue({ commonName: "old", notBefore: new Date(0), notAfter: new Date(Date.now() - dayMs) })),
    notYetValid: chain(await issue({ commonName: "new", notBefore: new Date(Date.now() + dayMs) })),
  };
  for (const [name, pair] of Object.entries(clients)) {
    if (pair === undefined) continue;
    await files.write(`${name}.crt`, pair.certPem);
    await files.write(`${name}.chain`, pair.certPem.slice(pair.certPem.indexOf("-----BEGIN", 1)));
    await files.write(`${name}.key`, pair.keyPem);
  }
  await files.write("ca.crt", pki.caCompleteChainPem);
  await files.write("root.crt", pki.root.certPem);
  await files.write("server.crt", pki.verifier.chainPem);
  await files.write("server.key", pki.verifier.keyPem);
  goClient = files.file("tls-go-client");
  const built = await runCommand("go", ["build", "-o", goClient, "."], {
    cwd: new URL("./tls-go-client", import.meta.url).pathname,
    env: { GOFLAGS: "-mod=mod", CGO_ENABLED: "0" },
    timeoutMs: 120_000,
  });
  expect(built).toMatchObject({ code: 0 });
});

afterAll(() => files[Symbol.asyncDispose]());

interface Running extends AsyncDisposable {
  port: number;
  url: string;
  server: TlsServer;
  stories: HandshakeStory[];
  keyLog: string[];
}

const trusts: Record<TrustName, () => string> = {
  complete: () => pki.caCompleteChainPem,
  root: () => pki.root.certPem,
  intermediate: () => pki.intermediate.certPem,
  empty: () => "",
};

/** Our server with an HTTP server behind it that tells the client's name. */
async function start(options: Partial<TlsServerOptions> = {}): Promise<Running> {
  const [stories, keyLog]: [HandshakeStory[], string[]] = [[], []];
  const http = createServer((request, response) => {
    const { clientCertificate } = request.socket as unknown as { clientCertificate?: { subject: string } };
    request.resume().on("end", () => response.end(`hello ${clientCertificate?.subject ?? "nobody"}\n`));
  });
  const server = createTlsServer(
    {
      certPem: pki.verifier.chainPem,
      keyPem: pki.verifier.keyPem,
      clientCertificates: "optional",
      trustedClientCaPem: pki.caCompleteChainPem,
      onHandshake: (story) => stories.push(story),
      keyLog: (line) => keyLog.push(line),
      ...options,
    },
    (connection) => http.emit("connection", connection),
  );
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `https://127.0.0.1:${port}/v2.2/agents/test`,
    server,
    stories,
    keyLog,
    async [Symbol.asyncDispose]() {
      server.destroyConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function certificateArgs(client: ClientName): string[] {
  const pair = clients[client];
  if (pair === undefined) return [];
  const own = ["-cert", files.file(`${client}.crt`), "-key", files.file(`${client}.key`)];
  return sentCertificates(client) > 1 ? [...own, "-cert_chain", files.file(`${client}.chain`)] : own;
}

/** How many certificates the client's file holds. */
function sentCertificates(client: ClientName): number {
  return (clients[client]?.certPem ?? "").split("-----BEGIN").length - 1;
}

/** `accepted`, or the number of the alert that openssl s_client received. */
async function opensslOutcome(port: number, client: ClientName, more: string[] = []): Promise<string> {
  const request = "GET /v2.2/agents/test HTTP/1.0\r\n\r\n";
  const { stdout, stderr } = await runCommand(
    "openssl",
    [
      "s_client",
      "-connect",
      `127.0.0.1:${port}`,
      "-CAfile",
      files.file("root.crt"),
      "-ign_eof",
      ...certificateArgs(client),
      ...more,
    ],
    { input: request, timeoutMs: 20_000 },
  );
  const alert = /SSL alert number (\d+)/.exec(stderr)?.[1];
  if (alert !== undefined) return `alert ${alert}`;
  return /HTTP\/1\.[01] 200/i.test(stdout) ? "accepted" : `neither: ${stdout.slice(-300)} ${stderr}`;
}

const table: Record<TrustName, Record<ClientName, string>> = {
  complete: {
    none: "accepted",
    plugin: "accepted",
    serverOnly: "alert 43",
    foreign: "alert 48",
    leafOnly: "accepted",
    expired: "alert 45",
    notYetValid: "alert 42",
  },
  root: {
    none: "accepted",
    plugin: "accepted",
    serverOnly: "alert 43",
    foreign: "alert 48",
    leafOnly: "alert 48",
    expired: "alert 45",
    notYetValid: "alert 42",
  },
  intermediate: {
    none: "accepted",
    plugin: "alert 48",
    serverOnly: "alert 48",
    foreign: "alert 48",
    leafOnly: "alert 48",
    expired: "alert 48",
    notYetValid: "alert 48",
  },
  empty: {
    none: "accepted",
    plugin: "alert 48",
    serverOnly: "alert 48",
    foreign: "alert 48",
    leafOnly: "alert 48",
    expired: "alert 48",
    notYetValid: "alert 48",
  },
};

const clientNames = Object.keys(table.complete) as ClientName[];

describe.each(Object.keys(table) as TrustName[])("with the trust file %s", (trust) => {
  it("openssl s_client meets the measured outcomes", async () => {
    await using running = await start({ trustedClientCaPem: trusts[trust]() });
    const outcomes: Record<string, string> = {};
    for (const client of clientNames) outcomes[client] = await opensslOutcome(running.port, client);
    expect(outcomes).toEqual(table[trust]);
    const told = running.stories.map(({ alert, clientCertificates }) => [
      clientCertificates?.length,
      alert === undefined ? "accepted" : `alert ${alert.number}`,
    ]);
    expect(told).toEqual(clientNames.map((client) => [sentCertificates(client), table[trust][client]]));
  });

  it("openssl s_server gives the same outcomes", async () => {
    await files.write("trust.pem", trusts[trust]());
    const port = await freePort();
    const anchors =
      trust === "empty" ? ["-no-CAfile", "-no-CApath", "-no-CAstore"] : ["-CAfile", files.file("trust.pem")];
    await using child = await startChild({
      command: "openssl",
      args: [
        ...["s_server", "-accept", `127.0.0.1:${port}`, "-www", "-verify", "10", "-verify_return_error", "-no_ticket"],
        ...[
          "-cert",
          files.file("server.crt"),
          "-cert_chain",
          files.file("server.crt"),
          "-key",
          files.file("server.key"),
        ],
        ...anchors,
      ],
    });
    await until(() => /ACCEPT/.test(child.stdout()), { what: "openssl s_server to listen", evidence: child.output });
    const outcomes: Record<string, string> = {};
    for (const client of clientNames) outcomes[client] = await opensslOutcome(port, client);
    expect(outcomes).toEqual(table[trust]);
  });
});

describe("clients of every stack", () => {
  it("curl, python and node get their answer, with and without a certificate", async () => {
    await using running = await start();
    const [ca, cert, key] = [files.file("root.crt"), files.file("plugin.crt"), files.file("plugin.key")];
    const curl = await runCommand("curl", ["-sS", "--cacert", ca, "--cert", cert, "--key", key, running.url]);
    expect(curl).toEqual({ code: 0, stdout: "hello CN=spire-server.keylime.funlab.casa\n", stderr: "" });
    expect((await runCommand("curl", ["-sS", "--cacert", ca, running.url])).stdout).toBe("hello nobody\n");
    const script = `
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
context.load_cert_chain(sys.argv[3], sys.argv[4])
print(urllib.request.urlopen(sys.argv[1], context=context).read().decode(), end="")`;
    const python = await runCommand("python3", ["-c", script, running.url, ca, cert, key], { env: { no_proxy: "*" } });
    expect(python).toEqual({ code: 0, stdout: "hello CN=spire-server.keylime.funlab.casa\n", stderr: "" });
    expect(running.stories.map(({ outcome }) => outcome)).toEqual(["completed", "completed", "completed"]);
  });

  it("Go names the alerts as the plugin's log does", async () => {
    await using running = await start();
    const ask = async (client: ClientName) => {
      const pair = client === "none" ? [] : [files.file(`${client}.crt`), files.file(`${client}.key`)];
      return (await runCommand(goClient, [running.url, files.file("root.crt"), ...pair])).stdout;
    };
    // Go's HTTP transport names its own loop first when the alert comes before the request is on its way.
    const refused = (text: string) =>
      expect.stringMatching(
        new RegExp(`^Get "${running.url}": (readLoopPeekFailLocked: )?remote error: tls: ${text}\n$`),
      );
    expect(await ask("none")).toBe("200 hello nobody\n\n");
    expect(await ask("plugin")).toBe("200 hello CN=spire-server.keylime.funlab.casa\n\n");
    expect(await ask("foreign")).toEqual(refused("unknown certificate authority"));
    expect(await ask("serverOnly")).toEqual(refused("unsupported certificate"));
    expect(await ask("expired")).toEqual(refused("expired certificate"));
    expect(await ask("notYetValid")).toEqual(refused("bad certificate"));
    running.server.trustClients(pki.root.certPem);
    expect(await ask("leafOnly")).toEqual(refused("unknown certificate authority"));
    expect(running.stories[0]).toMatchObject({ alpn: undefined, outcome: "completed", clientCertificates: [] });
  });

  it("node reports the codes that the verifier's refusals have", async () => {
    await using running = await start();
    const code = async (client: ClientName) => {
      const pair = clients[client];
      const socket = connect({
        port: running.port,
        host: "127.0.0.1",
        ca: pki.root.certPem,
        cert: pair?.certPem,
        key: pair?.keyPem,
      });
      const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
      return error.code;
    };
    expect(await code("foreign")).toBe("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA");
    expect(await code("serverOnly")).toBe("ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE");
    expect(await code("expired")).toBe("ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED");
    expect(await code("notYetValid")).toBe("ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE");
  });
});

describe("what openssl may ask for", () => {
  it.each(["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])(
    "the suite %s",
    async (suite) => {
      await using running = await start();
      expect(await opensslOutcome(running.port, "plugin", ["-ciphersuites", suite])).toBe("accepted");
    },
  );

  it.each([
    ["X25519", ["client_hello", "server_hello"]],
    ["P-256", ["client_hello", "server_hello"]],
    ["P-384", ["client_hello", "server_hello"]],
    ["P-521", ["client_hello", "server_hello"]],
    ["X448:P-384", ["client_hello", "hello_retry_request", "client_hello", "server_hello"]],
    ["X448:X25519", ["client_hello", "hello_retry_request", "client_hello", "server_hello"]],
  ])("the groups %s", async (groups, hellos) => {
    await using running = await start();
    expect(await opensslOutcome(running.port, "plugin", ["-groups", groups])).toBe("accepted");
    const names = running.stories[0]?.messages.map(({ name }) => name);
    const common = ["encrypted_extensions", "certificate_request", "certificate", "certificate_verify", "finished"];
    expect(names).toEqual([...hellos, ...common, "certificate", "certificate_verify", "finished"]);
  });

  it("TLS 1.2 only: protocol_version", async () => {
    await using running = await start();
    expect(await opensslOutcome(running.port, "none", ["-tls1_2"])).toBe("alert 70");
    expect(running.stories[0]).toMatchObject({ outcome: "refused", alert: { from: "server", number: 70 } });
  });

  it("no group in common: handshake_failure", async () => {
    await using running = await start();
    expect(await opensslOutcome(running.port, "none", ["-groups", "X448"])).toBe("alert 40");
  });

  it("a required certificate that is missing: certificate_required", async () => {
    await using running = await start({ clientCertificates: "required" });
    expect(await opensslOutcome(running.port, "none")).toBe("alert 116");
    expect(await opensslOutcome(running.port, "plugin")).toBe("accepted");
  });

  it("no certificate at all when none is wanted", async () => {
    await using running = await start({ clientCertificates: "none" });
    expect(await opensslOutcome(running.port, "foreign")).toBe("accepted");
    expect(running.stories[0]?.clientCertificates).toBeUndefined();
  });

  it("the server's name and protocol are told, and the key log holds the secrets s_client derived", async () => {
    await using running = await start();
    const log = files.file("keys.log");
    const more = ["-servername", "verifier.funlab.casa", "-alpn", "h2,http/1.1", "-keylogfile", log];
    expect(await opensslOutcome(running.port, "plugin", more)).toBe("accepted");
    expect(running.stories[0]).toMatchObject({
      serverName: "verifier.funlab.casa",
      offeredProtocols: ["h2", "http/1.1"],
      alpn: "http/1.1",
    });
    const secrets = (await files.read("keys.log")).split("\n").filter((line) => /^[CSE]/.test(line));
    expect(new Set(running.keyLog)).toEqual(new Set(secrets));
  });

  it("a client that does not trust the server says so, and the story keeps it", async () => {
    await using running = await start();
    const more = ["-verify_return_error", "-CAfile", files.file("foreign.crt")];
    await opensslOutcome(running.port, "none", more);
    await until(() => running.stories.length > 0, { what: "the story" });
    expect(running.stories[0]).toMatchObject({
      outcome: "refused",
      alert: { from: "client", name: "unknown_ca" },
    });
  });

  it("key updates in both directions", async () => {
    await using running = await start();
    await using child = await startChild({
      command: "sh",
      args: [
        "-c",
        `(sleep 1; echo K; sleep 1; echo k; sleep 1; printf 'GET / HTTP/1.0\\r\\n\\r\\n'; sleep 1) | openssl s_client -connect 127.0.0.1:${running.port} -CAfile ${files.file("root.crt")} -msg`,
      ],
    });
    await until(() => /hello nobody/.test(child.stdout()), { what: "the answer", evidence: child.output });
    expect(child.stdout().match(/KeyUpdate/g)?.length).toBeGreaterThanOrEqual(3);
  });
});

describe.each(["rsa2048", "p256", "p384", "p521", "ed25519"] as const)("with a server key of type %s", (keyType) => {
  it("openssl and Go accept the server and its client of the same kind", async () => {
    const names = { dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] };
    const leaf = await pki.intermediate.issue({ commonName: "verifier", keyType, eku: ["serverAuth"], ...names });
    const client = await pki.intermediate.issue({ commonName: `client ${keyType}`, keyType, eku: ["clientAuth"] });
    await files.write("kind.crt", client.chainPem);
    await files.write("kind.key", client.keyPem);
    await using running = await start({ certPem: leaf.chainPem, keyPem: leaf.keyPem });
    const answer = `hello CN=client ${keyType}\n`;
    const args = [
      "--cacert",
      files.file("root.crt"),
      "--cert",
      files.file("kind.crt"),
      "--key",
      files.file("kind.key"),
    ];
    expect(await runCommand("curl", ["-sS", ...args, running.url])).toMatchObject({ stdout: answer, stderr: "" });
    const go = await runCommand(goClient, [
      running.url,
      files.file("root.crt"),
      files.file("kind.crt"),
      files.file("kind.key"),
    ]);
    expect(go.stdout).toBe(`200 ${answer}\n`);
  });
});
