import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "../../src/cli/main.js";
import { createCvCa, type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import type { ProbeReport } from "../../src/probe/report-schema.js";
import { startChild } from "../support/child.js";
import { freePort } from "../support/free-port.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import { startRealKeylime } from "./support/keylime.js";
import { describeWithPeers } from "./support/peers.js";

let files: TemporaryDirectory;
let pki: FieldReportPki;
const names = ["chain", "serverAuthOnly", "foreign", "expired", "leaf"] as const;
type Client = (typeof names)[number];

beforeAll(async () => {
  files = await temporaryDirectory("probe");
  pki = await fieldReportPki();
  const day = 86_400_000;
  const dates = { notBefore: new Date(Date.now() - 2 * day), notAfter: new Date(Date.now() - day) };
  const [serverAuthOnly, expired, foreign] = await Promise.all([
    pki.issue({ commonName: "x", eku: ["serverAuth"] }),
    pki.issue({ commonName: "x", eku: ["clientAuth"], ...dates }),
    createCvCa().then(({ client }) => client),
  ]);
  const write = async (name: Client, certPem: string, keyPem: string) => {
    await files.write(`${name}.crt`, certPem);
    await files.write(`${name}.key`, keyPem);
  };
  await write("chain", pki.plugin.chainPem, pki.plugin.keyPem);
  await write("serverAuthOnly", serverAuthOnly.chainPem, serverAuthOnly.keyPem);
  await write("foreign", foreign.certPem, foreign.keyPem);
  await write("expired", expired.chainPem, expired.keyPem);
  await write("leaf", pki.plugin.certPem, pki.plugin.keyPem);
  await files.write("ca.pem", pki.caCompleteChainPem);
  await files.write("root.pem", pki.root.certPem);
  await files.write("int.pem", pki.intermediate.certPem);
  await files.write("server.crt", pki.verifier.certPem);
  await files.write("server.key", pki.verifier.keyPem);
});
afterAll(() => files[Symbol.asyncDispose]());

async function runProbe(...args: string[]) {
  let out = "";
  let err = "";
  const io = {
    out(text: string) {
      out += text;
    },
    err(text: string) {
      err += text;
    },
    colour: false,
    env: {},
    interrupted: new AbortController().signal,
  };
  const exitCode = await runCli(["probe", ...args], io);
  return { out, err, exitCode };
}

const certificateOptions = (client: Client) => [
  "--cert",
  files.file(`${client}.crt`),
  "--key",
  files.file(`${client}.key`),
];

async function probeJson(target: string, ...args: string[]): Promise<ProbeReport> {
  const { out } = await runProbe(target, "--ca", files.file("ca.pem"), "--json", ...args);
  return JSON.parse(out);
}

/** `accepted 404`, or `unknown_ca 48 after Finished [verifier-trust-empty]`. */
function verdictOf({ connections }: ProbeReport): string {
  const { outcome, http, alert, findings } = connections.at(-1)!;
  if (outcome === "accepted") return `accepted ${http?.status}`;
  return `${alert?.name} ${alert?.number} after ${alert?.after} [${findings.map(({ id }) => id).join()}]`;
}

const noTrust = "unknown_ca 48 after Finished [verifier-trust-empty]";
const everyPresentedRefused: Record<Client, string> = {
  chain: noTrust,
  serverAuthOnly: "unknown_ca 48 after Finished [client-cert-foreign]",
  foreign: "unknown_ca 48 after Finished [plugin-default-cert]",
  expired: "unknown_ca 48 after Finished [cert-expired]",
  leaf: "unknown_ca 48 after Finished [cert-chain-incomplete]",
};
const wholeChainTrusted: Record<Client, string> = {
  chain: "accepted 404",
  serverAuthOnly: "unsupported_certificate 43 after Finished [cert-no-client-auth]",
  foreign: "unknown_ca 48 after Finished [plugin-default-cert]",
  expired: "certificate_expired 45 after Finished [cert-expired]",
  leaf: "accepted 404",
};

describeWithPeers(["keylime_verifier"], "probe against the real verifier", () => {
  it.each<[string | null, Record<Client, string>]>([
    ['["ca.crt"]', wholeChainTrusted],
    ['["root.crt"]', { ...wholeChainTrusted, leaf: "unknown_ca 48 after Finished [cert-chain-incomplete]" }],
    ['["int.crt"]', everyPresentedRefused],
    [null, everyPresentedRefused],
  ])("tells what it makes of each certificate with trusted_client_ca %s", async (trustedClientCa, expected) => {
    await using dir = await temporaryDirectory();
    await using keylime = await startRealKeylime({ dir: dir.path, pki, registrar: false, trustedClientCa });
    const target = new URL(keylime.verifierUrl).host;
    const path = ["--http", "/v2.2/agents/test"];
    const bare = await probeJson(target, ...path);
    expect(bare.connections[0]).toMatchObject({ outcome: "accepted", version: "TLS 1.3", http: { status: 403 } });
    expect(bare.connections[0]!.certificate_request!.ca_names).toEqual([]);
    const told: Record<string, string> = {};
    for (const name of names) told[name] = verdictOf(await probeJson(target, ...path, ...certificateOptions(name)));
    expect(told).toEqual(expected);
  });

  it("names the field report's alert, its sender and its place", async () => {
    await using dir = await temporaryDirectory();
    await using keylime = await startRealKeylime({ dir: dir.path, pki, registrar: false });
    const target = new URL(keylime.verifierUrl).host;
    const { out, exitCode } = await runProbe(target, ...certificateOptions("foreign"));
    expect(out).toContain("unknown_ca (48), sent by the verifier after the client's Finished");
    expect(out).toContain("CA names: none sent");
    expect(exitCode).toBe(1);
  });
});

/** [options of s_server, no certificate, chain, foreign, leaf, expired]. */
const servers: [string, string[]][] = [
  ["-tls1_3", ["certificate_required 116", "accepted", "unknown_ca 48", "unknown_ca 48", "certificate_expired 45"]],
  ["-tls1_2", ["handshake_failure 40", "accepted", "unknown_ca 48", "unknown_ca 48", "certificate_expired 45"]],
];

describe.each(servers)("probe against openssl s_server %s -Verify", (version, expected) => {
  it("hears every alert, five times of five", async () => {
    const port = await freePort();
    const own = ["-cert", "server.crt", "-cert_chain", "int.pem", "-key", "server.key", "-CAfile", "root.pem"];
    const paths = own.map((each) => (each.startsWith("-") ? each : files.file(each)));
    const demands = [version, "-www", "-Verify", "3", "-verify_return_error"];
    const args = ["s_server", "-accept", `127.0.0.1:${port}`, ...paths, ...demands];
    await using child = await startChild({ command: "openssl", args });
    await until(() => child.output().includes("ACCEPT"), { what: "s_server", evidence: () => child.output() });
    const clients = [undefined, "chain", "foreign", "leaf", "expired"] as const;
    for (let round = 0; round < 5; round++) {
      const told = [];
      for (const client of clients) {
        const report = await probeJson(
          `127.0.0.1:${port}`,
          ...(client === undefined ? [] : certificateOptions(client)),
        );
        const { outcome, alert, server_key_proven: isProven } = report.connections.at(-1)!;
        expect(isProven).toBe(true);
        expect(report.server!.findings).toEqual([]);
        told.push(outcome === "accepted" ? outcome : `${alert?.name} ${alert?.number}`);
      }
      expect(told).toEqual(expected);
    }
  });
});
