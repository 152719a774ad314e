import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import type { KeyType } from "../../src/peers/pki/key-pair.js";
import type { HandshakeStory } from "../../src/peers/tls-server/story.js";
import { createTlsServer } from "../../src/peers/tls-server/tls-server.js";
import { loadCertificates, loadCredentials } from "../../src/probe/load-credentials.js";
import { probe } from "../../src/probe/probe.js";
import { reportOf } from "../../src/probe/report.js";
import type { Stack } from "../../src/probe/stack.js";
import { readCertificateFields } from "../../src/x509/extensions.js";
import { runChecked } from "../support/run-command.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import { type AskThrough, buildGoClient, tlsStacks } from "./support/tls-stacks.js";

// What `--as` claims is compared with what the stack itself sends and takes, connection by connection.

let files: TemporaryDirectory;
let pki: FieldReportPki;
type RealStack = Exclude<Stack, "rust"> | "curl";
let real: Record<RealStack, AskThrough>;

const keyTypes: readonly KeyType[] = ["p384", "ed25519"];

beforeAll(async () => {
  files = await temporaryDirectory("as");
  pki = await fieldReportPki();
  const { root, intermediate, plugin } = pki;
  await files.write("int-root.pem", pki.caCompleteChainPem);
  await files.write("root-int.pem", root.certPem + intermediate.certPem);
  await files.write("root.pem", root.certPem);
  await files.write("int.pem", intermediate.certPem);
  await files.write("foreign.pem", pki.cvCa.ca.certPem);
  await files.write("key.pem", plugin.keyPem);
  await files.write("chain.crt", plugin.chainPem);
  await files.write("leaf.crt", plugin.certPem);
  await files.write("with-root.crt", plugin.chainPem + root.certPem);
  for (const keyType of keyTypes) {
    const issued = await pki.issue({ commonName: keyType, eku: ["clientAuth"], keyType });
    await files.write(`${keyType}.crt`, issued.chainPem);
    await files.write(`${keyType}.pem`, issued.keyPem);
  }
  await writeRsaPss();
  await buildGoClient(files.file("go"));
  const stacks = tlsStacks(files.file("go"));
  real = {
    go: stacks["Go (crypto/tls)"]!,
    openssl: stacks["Python (OpenSSL)"]!,
    node: stacks["Node.js (OpenSSL)"]!,
    curl: stacks["curl (OpenSSL)"]!,
  };
});
afterAll(() => files[Symbol.asyncDispose]());

/** A key that is for RSASSA-PSS only, by its own OID. */
async function writeRsaPss(): Promise<void> {
  const [key, cert] = [files.file("rsa-pss.pem"), files.file("rsa-pss.crt")];
  await runChecked("openssl", ["genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key]);
  await runChecked("openssl", [
    "req",
    "-x509",
    "-new",
    "-key",
    key,
    "-subj",
    "/CN=rsa-pss",
    "-days",
    "2",
    "-out",
    cert,
  ]);
}

interface Server extends AsyncDisposable {
  port: number;
  stories: HandshakeStory[];
}

type Names = "none" | "root" | "intermediate" | "foreign";

async function serve(names: Names, shown: { chainPem: string; keyPem: string } = pki.verifier): Promise<Server> {
  const stories: HandshakeStory[] = [];
  const authority = { none: undefined, root: pki.root, intermediate: pki.intermediate, foreign: pki.cvCa.ca }[names];
  const server = createTlsServer(
    {
      certPem: shown.chainPem,
      keyPem: shown.keyPem,
      clientCertificates: "optional",
      trustedClientCaPem: "",
      takesEveryClient: true,
      speaksTls12: true,
      requestedAuthorities: authority === undefined ? [] : [readCertificateFields(authority.certDer).subject],
      onHandshake: (story) => stories.push(story),
    },
    (stream) => void stream.once("data", () => stream.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    stories,
    async [Symbol.asyncDispose]() {
      server.destroyConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const sent = ({ clientCertificates }: HandshakeStory): string[] | undefined =>
  clientCertificates?.map(({ subject }) => subject.split("\n").at(-1)!);

interface Case {
  names: Names;
  cert: string;
  key?: string;
  ca: string;
  maxVersion: "1.2" | "1.3";
}

async function sentByStack(stack: RealStack, { names, cert, key = "key.pem", ca, maxVersion }: Case) {
  await using server = await serve(names);
  const pair = { cert: files.file(cert), key: files.file(key) };
  await real[stack]({ url: `https://127.0.0.1:${server.port}/x`, ca: files.file(ca), pair, maxVersion });
  return server.stories[0] === undefined ? "no handshake" : sent(server.stories[0]);
}

async function sentByProbe(stack: Stack, { names, cert, key = "key.pem", ca, maxVersion }: Case) {
  await using server = await serve(names);
  const report = await probed(stack, { port: server.port, cert, key, ca, tls: maxVersion });
  const [, presented] = report.connections;
  if (/ loads no /.test(presented!.withheld ?? "")) return "no handshake";
  await until(() => server.stories[1], { what: "the second handshake" });
  return sent(server.stories[1]!);
}

interface Probed {
  port: number;
  cert: string;
  key: string;
  ca: string;
  tls: "1.2" | "1.3" | "auto";
  serverName?: string;
}

async function probed(stack: Stack, { port, cert, key, ca, tls, serverName = "127.0.0.1" }: Probed) {
  const caFile = files.file(ca);
  const anchors = loadCertificates({ path: caFile, key: "--ca", isDefault: false }, "CA file");
  const credentials = loadCredentials({ cert: files.file(cert), key: files.file(key), keyPassword: undefined });
  const target = { host: "127.0.0.1", port, serverName, stack };
  const stories = await probe({
    ...target,
    alpn: [],
    tls,
    candidates: [credentials],
    anchors,
    httpPath: "/x",
    timeoutMs: 10_000,
  });
  return reportOf(stories, { ...target, caFile, anchors, nowMs: Date.now(), notes: [] });
}

const sendingCases: Case[] = [
  { names: "none", cert: "chain.crt", ca: "int-root.pem", maxVersion: "1.3" },
  { names: "none", cert: "leaf.crt", ca: "int-root.pem", maxVersion: "1.3" },
  { names: "none", cert: "leaf.crt", ca: "root-int.pem", maxVersion: "1.2" },
  { names: "none", cert: "with-root.crt", ca: "int-root.pem", maxVersion: "1.3" },
  { names: "root", cert: "chain.crt", ca: "int-root.pem", maxVersion: "1.3" },
  { names: "root", cert: "leaf.crt", ca: "int-root.pem", maxVersion: "1.3" },
  { names: "intermediate", cert: "leaf.crt", ca: "int-root.pem", maxVersion: "1.2" },
  { names: "foreign", cert: "chain.crt", ca: "int-root.pem", maxVersion: "1.3" },
  { names: "foreign", cert: "chain.crt", ca: "int-root.pem", maxVersion: "1.2" },
  ...keyTypes.map(
    (type): Case => ({ names: "none", cert: `${type}.crt`, key: `${type}.pem`, ca: "int-root.pem", maxVersion: "1.3" }),
  ),
  ...keyTypes.map(
    (type): Case => ({ names: "none", cert: `${type}.crt`, key: `${type}.pem`, ca: "int-root.pem", maxVersion: "1.2" }),
  ),
  { names: "none", cert: "rsa-pss.crt", key: "rsa-pss.pem", ca: "int-root.pem", maxVersion: "1.3" },
];

describe.each(["go", "openssl", "node"] as const)("probe --as %s", (stack) => {
  it.each(sendingCases)(
    "sends what that stack sends of $cert with $ca in TLS $maxVersion, CAs named: $names",
    async (each) => {
      expect(await sentByProbe(stack, each)).toEqual(await sentByStack(stack, each));
    },
  );

  it.each([
    ["the whole chain", "chainPem", "int-root.pem", true],
    ["the whole chain", "chainPem", "root.pem", true],
    ["the whole chain", "chainPem", "int.pem", stack === "go"],
    ["the leaf alone", "certPem", "root.pem", false],
    ["the leaf alone", "certPem", "int-root.pem", true],
    ["the whole chain", "chainPem", "foreign.pem", false],
  ] as const)("takes a server that sends %s (%s), trusting %s, as that stack does", async (_, form, ca, isTaken) => {
    await using server = await serve("none", { chainPem: pki.verifier[form], keyPem: pki.verifier.keyPem });
    const report = await probed(stack, { port: server.port, cert: "chain.crt", key: "key.pem", ca, tls: "auto" });
    expect(report.server!.as_verdict!.ok).toBe(isTaken);
    server.stories.length = 0;
    const answer = await real[stack]({
      url: `https://127.0.0.1:${server.port}/x`,
      ca: files.file(ca),
      maxVersion: "1.3",
    });
    expect(tookServer(answer)).toBe(isTaken);
  });
});

/** Every client prints a status when it got one. */
function tookServer(answer: unknown): boolean {
  return /\b200\b/.test((answer as { stdout: string }).stdout);
}

describe("curl", () => {
  it("completes a lone leaf as other OpenSSL programs do, without the root", async () => {
    const leaf = { names: "none", cert: "leaf.crt", ca: "int-root.pem", maxVersion: "1.3" } as const;
    const whole = await sentByProbe("openssl", leaf);
    expect(await sentByStack("curl", leaf)).toEqual((whole as string[]).slice(0, 2));
  });
});

describe("probe --as rust", () => {
  // native-tls is OpenSSL, so that OpenSSL with the first certificate of the trust file shows what it does.
  it.each([
    ["root-int.pem", "root.pem"],
    ["int-root.pem", "int.pem"],
  ])("goes by the first certificate of %s", async (ca, first) => {
    await using server = await serve("none");
    const report = await probed("rust", { port: server.port, cert: "leaf.crt", key: "key.pem", ca, tls: "auto" });
    const asked = { url: `https://127.0.0.1:${server.port}/x`, ca: files.file(first), maxVersion: "1.3" } as const;
    expect(report.server!.as_verdict!.ok).toBe(tookServer(await real.openssl(asked)));
    const leaf = { names: "none", cert: "leaf.crt", ca: first, maxVersion: "1.3" } as const;
    if (first === "root.pem")
      expect(await sentByProbe("rust", { ...leaf, ca })).toEqual(await sentByStack("openssl", leaf));
  });

  it("takes any name, and PKCS#8 keys only", async () => {
    await using server = await serve("none");
    const elsewhere = {
      port: server.port,
      cert: "chain.crt",
      key: "key.pem",
      ca: "root-int.pem",
      tls: "auto",
    } as const;
    const named = await probed("rust", { ...elsewhere, serverName: "elsewhere.example" });
    expect(named.server).toMatchObject({ as_verdict: { ok: true }, name_matches: false });
    expect(named.exit_code).toBe(0);
    const sec1 = await runChecked("openssl", ["pkey", "-in", files.file("key.pem"), "-traditional"]);
    await files.write("sec1.pem", sec1);
    const unloadable = await probed("rust", { ...elsewhere, key: "sec1.pem" });
    expect(unloadable.connections[1]!.withheld).toBe(
      `the Keylime agent in Rust takes unencrypted PKCS#8 keys only, and ${files.file("sec1.pem")} is EC PRIVATE KEY`,
    );
  });
});
