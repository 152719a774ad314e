import { afterAll, beforeAll, expect, it } from "vitest";
import { createCvCa, type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import { httpsRequest } from "./support/https-request.js";
import { type RealKeylime, type RealKeylimeOptions, startRealKeylime } from "./support/keylime.js";
import { describeWithPeers } from "./support/peers.js";
import { opensslSession, type PresentedFiles, type Verdict, verdictOnClient } from "./support/tls-clients.js";

/** How a client presents itself; `bareLeaf` sends its file alone, as Go does, `leaf` completes it from its CA file. */
type Client = "none" | "chain" | "serverAuthOnly" | "foreign" | "expired" | "leaf" | "bareLeaf";

const everyPresentedRefused: Record<Client, Verdict> = {
  none: 403,
  chain: "alert 48",
  serverAuthOnly: "alert 48",
  foreign: "alert 48",
  expired: "alert 48",
  leaf: "alert 48",
  bareLeaf: "alert 48",
};

const wholeChainTrusted: Record<Client, Verdict> = {
  none: 403,
  chain: 404,
  serverAuthOnly: "alert 43",
  foreign: "alert 48",
  expired: "alert 45",
  leaf: 404,
  bareLeaf: 404,
};

const table: [title: string, trustedClientCa: string | null, verdicts: Record<Client, Verdict>][] = [
  ["takes certificates below a trusted intermediate and root", '["ca.crt"]', wholeChainTrusted],
  [
    "needs the intermediate from the client when it trusts the root alone",
    '["root.crt"]',
    { ...wholeChainTrusted, bareLeaf: "alert 48" },
  ],
  ["refuses every presented certificate when it trusts the intermediate alone", '["int.crt"]', everyPresentedRefused],
  ["refuses every presented certificate when the option is commented out", null, everyPresentedRefused],
  ["refuses every presented certificate when the list is empty", "[]", everyPresentedRefused],
  ["refuses every presented certificate when the value is all", "all", everyPresentedRefused],
];

const agentPath = "/v2.2/agents/test";

describeWithPeers(["keylime_verifier"], "verifier's trusted_client_ca (Keylime 7.14.3, TLS 1.3)", () => {
  let clientFiles: TemporaryDirectory;
  let pki: FieldReportPki;
  let clients: Record<Client, PresentedFiles>;

  beforeAll(async () => {
    clientFiles = await temporaryDirectory();
    pki = await fieldReportPki();
    clients = await writeClients(clientFiles, pki);
  });
  afterAll(() => clientFiles[Symbol.asyncDispose]());

  const startVerifier = (dir: TemporaryDirectory, options: Partial<RealKeylimeOptions>): Promise<RealKeylime> =>
    startRealKeylime({ dir: dir.path, pki, registrar: false, ...options });

  it.each(table)("%s: %s", async (_, trustedClientCa, expected) => {
    await using dir = await temporaryDirectory();
    await using verifier = await startVerifier(dir, { trustedClientCa });
    expect(await verdicts(verifier.verifierUrl + agentPath, clients)).toEqual(expected);
  });

  it("answers with these bodies, names no CA it trusts, and logs nothing about a refused handshake", async () => {
    await using dir = await temporaryDirectory();
    await using keylime = await startVerifier(dir, {});
    const url = keylime.verifierUrl + agentPath;
    expect((await httpsRequest(url, { caPem: pki.caCompleteChainPem })).json).toEqual({
      errors: [{ status: "403", title: "Forbidden", detail: "Action read_agent requires authentication" }],
    });
    expect((await keylime.askVerifier(agentPath)).json).toEqual({
      code: 404,
      status: "agent id not found",
      results: {},
    });
    expect(await opensslSession(url, clients.none)).toContain("No client certificate CA names sent");

    const before = await logsAtRest(keylime);
    expect(await verdictOnClient(url, clients.foreign)).toBe("alert 48");
    expect(await logsAtRest(keylime)).toBe(before);
  });

  it("does not start when trusted_client_ca is default and its file is missing", async () => {
    await using dir = await temporaryDirectory();
    await expect(startVerifier(dir, { trustedClientCa: "default" })).rejects.toThrow(/FileNotFoundError/);
  });

  it("does not start when its section is named [general]", async () => {
    await using dir = await temporaryDirectory();
    await expect(startVerifier(dir, { verifierSection: "general" })).rejects.toThrow(/NoSectionError/);
  });
});

/** What the programs have logged once nothing more comes: their lines arrive after their answers. */
async function logsAtRest(keylime: RealKeylime): Promise<string> {
  let last: string | undefined;
  return await until(
    () => {
      const now = keylime.logs();
      const isAtRest = now === last;
      last = now;
      return isAtRest ? now : undefined;
    },
    { what: "the verifier's log to come to rest", intervalMs: 500 },
  );
}

async function verdicts(url: string, clients: Record<Client, PresentedFiles>): Promise<Record<string, Verdict>> {
  const answers: Record<string, Verdict> = {};
  for (const [name, files] of Object.entries(clients)) answers[name] = await verdictOnClient(url, files);
  return answers;
}

async function writeClients(dir: TemporaryDirectory, pki: FieldReportPki): Promise<Record<Client, PresentedFiles>> {
  const commonName = "spire-server.keylime.funlab.casa";
  const day = 86_400_000;
  const [serverAuthOnly, expired, foreign] = await Promise.all([
    pki.issue({ commonName, eku: ["serverAuth"] }),
    pki.issue({
      commonName,
      eku: ["clientAuth"],
      notBefore: new Date(Date.now() - 2 * day),
      notAfter: new Date(Date.now() - day),
    }),
    createCvCa().then((cvCa) => cvCa.client),
  ]);
  const caFile = await dir.write("ca-complete-chain.crt", pki.caCompleteChainPem);
  const files = async (name: Client, certPem: string, keyPem: string): Promise<PresentedFiles> => ({
    certFile: await dir.write(`${name}.crt`, certPem),
    keyFile: await dir.write(`${name}.key`, keyPem),
    ...(name === "bareLeaf" ? {} : { caFile }),
  });
  return {
    none: { caFile },
    chain: await files("chain", pki.plugin.chainPem, pki.plugin.keyPem),
    serverAuthOnly: await files("serverAuthOnly", serverAuthOnly.chainPem, serverAuthOnly.keyPem),
    foreign: await files("foreign", foreign.certPem, foreign.keyPem),
    expired: await files("expired", expired.chainPem, expired.keyPem),
    leaf: await files("leaf", pki.plugin.certPem, pki.plugin.keyPem),
    bareLeaf: await files("bareLeaf", pki.plugin.certPem, pki.plugin.keyPem),
  };
}
