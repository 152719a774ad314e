import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifierRole } from "../../src/keylime/roles.js";
import { HttpClient } from "../../src/net/http-client.js";
import { type IdentityFiles, loadIdentity } from "../../src/net/identity.js";
import { PeerError } from "../../src/net/peer-errors.js";
import { type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { startChild } from "../support/child.js";
import { freePort } from "../support/free-port.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";

let pki: FieldReportPki;
let directory: TemporaryDirectory;
beforeAll(async () => {
  pki = await fieldReportPki();
  directory = await temporaryDirectory("alerts");
  await directory.write("cert.pem", pki.verifier.certPem);
  await directory.write("chain.pem", pki.intermediate.certPem);
  await directory.write("key.pem", pki.verifier.keyPem);
  await directory.write("root.pem", pki.root.certPem);
  await directory.write("foreign.pem", pki.cvCa.ca.certPem);
});
afterAll(() => directory[Symbol.asyncDispose]());

/** OpenSSL's own server: a real peer for what Node says about its alerts. */
async function startOpenssl(version: string, clientCa: string) {
  const port = await freePort();
  const files = ["-cert", "cert.pem", "-cert_chain", "chain.pem", "-key", "key.pem", "-CAfile", clientCa].map((each) =>
    each.endsWith(".pem") ? directory.file(each) : each,
  );
  const args = [
    "s_server",
    "-accept",
    `127.0.0.1:${port}`,
    ...files,
    version,
    "-www",
    "-Verify",
    "3",
    "-verify_return_error",
    "-purpose",
    "sslclient",
  ];
  const child = await startChild({ command: "openssl", args });
  await until(() => child.output().includes("ACCEPT"), { what: "openssl s_server", evidence: () => child.output() });
  return { child, port };
}

async function clientWith(port: number, own: { chainPem: string; keyPem: string } | undefined) {
  const named = async (key: string, content: string) => ({
    path: await directory.write(`${port}-${key}`, content),
    key,
    isDefault: false,
  });
  const files: IdentityFiles = {
    ca: await named("ca", pki.caCompleteChainPem),
    ...(own && { cert: await named("cert", own.chainPem), key: await named("key", own.keyPem) }),
  };
  const identity = loadIdentity(files, Date.now()).identity!;
  return new HttpClient({
    host: "127.0.0.1",
    port,
    role: verifierRole,
    identity: { current: () => identity, checkNow: () => identity },
    connectTimeoutMs: 5000,
    userAgent: "test",
  });
}

const hour = 3_600_000;
const expired = () =>
  pki.issue({
    commonName: "old",
    eku: ["clientAuth"],
    notBefore: new Date(Date.now() - 48 * hour),
    notAfter: new Date(Date.now() - hour),
  });

describe.each(["-tls1_3", "-tls1_2"])("HttpClient against openssl s_server %s", (version) => {
  it.each<[string, string, () => Promise<{ chainPem: string; keyPem: string } | undefined>, string, string]>([
    [
      "a certificate below a CA it does not trust",
      "foreign.pem",
      async () => pki.plugin,
      "unknown_ca",
      "verifier-trust-empty",
    ],
    ["an expired certificate", "root.pem", expired, "certificate_expired", "cert-expired"],
    [
      "a certificate for servers only",
      "root.pem",
      () => pki.issue({ commonName: "s", eku: ["serverAuth"] }),
      "unsupported_certificate",
      "cert-no-client-auth",
    ],
    [
      "no certificate",
      "root.pem",
      async () => undefined,
      version === "-tls1_3" ? "certificate_required" : "handshake_failure",
      "client-cert-not-sent",
    ],
  ])("hears what it thinks of %s, ten times of ten", async (_name, clientCa, own, alert, code) => {
    const { child, port } = await startOpenssl(version, clientCa);
    await using _server = child;
    const client = await clientWith(port, await own());
    const heard = new Set<string>();
    for (let i = 0; i < 10; i++) {
      const error = await client.request({ method: "GET", path: "/", timeoutMs: 5000 }).then(
        () => undefined,
        (thrown) => thrown,
      );
      expect(error).toBeInstanceOf(PeerError);
      const { facts } = error as PeerError;
      heard.add(`${facts.alert?.name} ${(error as PeerError).code}`);
      await sleep(5);
    }
    expect([...heard]).toEqual([`${alert} ${code}`]);
    client.close();
  });
});
