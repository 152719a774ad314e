import { X509Certificate } from "node:crypto";
import { type AddressInfo, isIP } from "node:net";
import { connect, createServer, type Server } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IssuedCertificate } from "../../src/peers/pki/authority.js";
import { type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { readCertificateFields } from "../../src/x509/extensions.js";
import { stacks } from "../../src/x509/trust/stacks.js";
import { startChild } from "../support/child.js";
import { freePort } from "../support/free-port.js";
import { runChecked, runCommand } from "../support/run-command.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";

const nowMs = Date.now();
const split = (pem: string) =>
  (pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []).map(
    (one) => new X509Certificate(one),
  );

let files: TemporaryDirectory;
let pki: FieldReportPki;
let goClient: string;
beforeAll(async () => {
  files = await temporaryDirectory("stacks");
  pki = await fieldReportPki();
  goClient = files.file("tls-go-client");
  const cwd = new URL("./tls-go-client", import.meta.url).pathname;
  await runChecked("go", ["build", "-o", goClient, "."], { cwd, timeoutMs: 150_000 });
});
afterAll(() => files[Symbol.asyncDispose]());

/** A server that presents what it is given; Python, Go and Node are its clients. */
async function startServer(certPem: string, keyPem: string): Promise<Server & AsyncDisposable> {
  const open = new Set<{ destroy(): unknown }>();
  const options = { cert: certPem, key: keyPem, ciphers: "DEFAULT@SECLEVEL=0" };
  const server = createServer(options, (socket) => {
    socket.on("error", () => {});
    open.add(socket);
    socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  server.on("tlsClientError", () => {});
  return Object.assign(server, {
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  });
}

const pythonClient = `
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
try:
    context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname=sys.argv[3])
    print("ok")
except ssl.SSLCertVerificationError as error:
    print(error.verify_code, error.verify_message)
`;

/** Python's words for a name differ from the table's: it composes them itself. */
const pythonWords = (text: string) => text.replace(/^(62|64) (Hostname|IP address) mismatch.*/, "$1");

async function askNode(port: number, caPem: string, serverName: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, ca: caPem, servername: isIP(serverName) ? "" : serverName });
    const finish = (answer: string) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("secureConnect", () => finish("ok"));
    socket.once("error", (error: Error & { code?: string }) => finish(error.code ?? error.message));
  });
}

describe("what clients make of a server, by their own words", () => {
  const day = 86_400_000;
  const names = { commonName: "verifier", dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] };
  interface Story {
    leaf: () => Promise<IssuedCertificate>;
    sends?: (leaf: IssuedCertificate) => string;
    trusts?: () => string;
  }
  const stories: Record<string, Story> = {
    "a good chain": { leaf: () => pki.issue({ ...names, eku: ["serverAuth"] }) },
    "a leaf alone below a root that is trusted": {
      leaf: () => pki.issue(names),
      sends: ({ certPem }) => certPem,
      trusts: () => pki.root.certPem,
    },
    "an intermediate alone as trust": { leaf: () => pki.issue(names), trusts: () => pki.intermediate.certPem },
    "clientAuth only": { leaf: () => pki.issue({ ...names, eku: ["clientAuth"] }) },
    "an expired one": { leaf: () => pki.issue({ ...names, notBefore: new Date(0), notAfter: new Date(nowMs - day) }) },
    "another name": { leaf: () => pki.issue({ ...names, ipAddresses: ["10.0.0.1"] }) },
    "RSA of 1024 bits": { leaf: () => pki.issue({ ...names, keyType: "rsa1024" }) },
    Ed25519: { leaf: () => pki.issue({ ...names, keyType: "ed25519" }) },
    "an intermediate limited to clients": {
      leaf: async () => (await pki.root.issueCa({ commonName: "clients", eku: ["clientAuth"] })).issue(names),
    },
    "the same CA name with another key": {
      leaf: () => pki.issue(names),
      trusts: () => twin,
    },
  };
  let twin: string;
  beforeAll(async () => {
    twin = (await fieldReportPki()).caCompleteChainPem;
  });

  it.each(Object.keys(stories))("%s", async (title) => {
    const { leaf: issue, sends = (one) => one.chainPem, trusts = () => pki.caCompleteChainPem } = stories[title]!;
    const leaf = await issue();
    const [certPem, caPem, serverName] = [sends(leaf), trusts(), "127.0.0.1"];
    await using server = await startServer(certPem, leaf.keyPem);
    const { port } = server.address() as AddressInfo;
    const caFile = await files.write("ca.pem", caPem);
    const python = await runCommand("python3", ["-c", pythonClient, String(port), caFile, serverName]);
    const go = await runCommand(goClient, [`https://127.0.0.1:${port}/`, caFile]);

    const question = { chain: split(certPem), anchors: split(caPem), purpose: "server", serverName, nowMs } as const;
    const expected = {
      python: stacks.python.judge(question),
      node: stacks.node.judge(question),
      go: stacks.go.judge(question),
    };
    const { python: ours, node: ourNode, go: ourGo } = expected;
    expect({
      python: pythonWords(python.stdout.trim()),
      node: await askNode(port, caPem, serverName),
      go: go.stdout.trim().replace(/^.*?(x509: )/, "$1"),
    }).toEqual({
      python: ours.ok ? "ok" : pythonWords(`${ours.error.number} ${ours.error.text}`),
      node: ourNode.ok ? "ok" : ourNode.error.name,
      go: ourGo.ok ? "200 ok" : expect.stringContaining(ourGo.error.text),
    });
  });
});

describe("what programs send of a file", () => {
  const pythonServer = `
import socket, ssl, sys
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=sys.argv[2])
context.load_cert_chain(sys.argv[1], sys.argv[3])
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
try: context.wrap_socket(listener.accept()[0], server_side=True).recv(1)
except OSError: pass
`;

  it.each([
    ["the leaf, which the trust file completes", () => pki.verifier.certPem, () => pki.caCompleteChainPem],
    ["the leaf, which the trust file cannot complete", () => pki.verifier.certPem, () => pki.root.certPem],
    ["leaf and intermediate", () => pki.verifier.chainPem, () => pki.caCompleteChainPem],
    ["leaf and root", () => pki.verifier.certPem + pki.root.certPem, () => pki.caCompleteChainPem],
  ])("a Python server: %s", async (_, certPem, caPem) => {
    const args = [
      await files.write("own.crt", certPem()),
      await files.write("own-ca.crt", caPem()),
      await files.write("own.key", pki.verifier.keyPem),
    ];
    const server = await startChild({ command: "python3", args: ["-c", pythonServer, ...args] });
    try {
      const port = await until(() => /^(\d+)\n/.exec(server.output())?.[1], { what: "the Python server's port" });
      const { stdout } = await runCommand("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, "-showcerts"]);
      const own = { file: split(certPem()), trusted: split(caPem()), nowMs };
      const ours = stacks.python.sends(own).map(({ fingerprint256 }) => fingerprint256);
      expect(split(stdout).map(({ fingerprint256 }) => fingerprint256)).toEqual(ours);
    } finally {
      await server.stop();
    }
  });

  it("a Go client: its file when the server names its CA, nothing when the server names others", async () => {
    const cert = await files.write("go.crt", pki.plugin.chainPem);
    const key = await files.write("go.key", pki.plugin.keyPem);
    const ca = await files.write("go-ca.crt", pki.caCompleteChainPem);
    const sent: Record<string, boolean> = {};
    for (const [who, hints] of Object.entries({ own: pki.root.certPem, others: pki.cvCa.ca.certPem })) {
      const port = await freePort();
      const names = await files.write("hints.crt", hints);
      const server = await startChild({
        command: "openssl",
        args: [
          ...["s_server", "-accept", `127.0.0.1:${port}`, "-www", "-verify", "5", "-tls1_3"],
          // s_server names the CAs of its own trust file to the client.
          ...["-CAfile", names],
          ...[
            "-cert",
            await files.write("s.crt", pki.verifier.certPem),
            "-key",
            await files.write("s.key", pki.verifier.keyPem),
          ],
          ...["-cert_chain", await files.write("i.crt", pki.intermediate.certPem)],
        ],
      });
      await until(() => server.output().includes("ACCEPT"), {
        what: "openssl s_server",
        evidence: () => server.output(),
      });
      const { stdout } = await runCommand(goClient, [`https://127.0.0.1:${port}/`, ca, cert, key]);
      await server.stop();
      expect(stdout).toContain("200 ");
      sent[who] = !stdout.includes("no client certificate available");
    }
    const file = split(pki.plugin.chainPem);
    const nameOf = (pem: string) => Buffer.from(new X509Certificate(pem).raw);

    const ours = (hints: string) =>
      stacks.go.sends({ file, trusted: [], nowMs, acceptableCas: [readCertificateFields(nameOf(hints)).subject] })
        .length > 0;
    expect(sent).toEqual({ own: ours(pki.root.certPem), others: ours(pki.cvCa.ca.certPem) });
    expect(sent).toEqual({ own: true, others: false });
  });
});
