import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type Askers, askersOf, brief, envelope, success } from "../../../test/contract/contract-peers.js";
import { enrolmentBody, without } from "../../../test/contract/enrolment.js";
import { until } from "../../../test/support/until.js";
import type { LogFields, Logger, LogLevel } from "../../core/logger.js";
import { silentLogger } from "../../core/logger.js";
import { startKeylimeAgent } from "../agent/keylime-agent.js";
import { createSelfSigned } from "../pki/authority.js";
import { type FieldReportPki, fieldReportPki } from "../pki/field-report-pki.js";
import { SoftwareTpm } from "../tpm/software-tpm.js";
import { type EmbeddedVerifier, startVerifier, type VerifierOptions } from "./verifier.js";

let pki: FieldReportPki;
let tpm: SoftwareTpm;
beforeAll(async () => {
  [pki, tpm] = await Promise.all([fieldReportPki(), SoftwareTpm.create({ ek: "ecc256", ak: "ecc256" })]);
});

const serverTls = ({ chainPem, keyPem }: { chainPem: string; keyPem: string }) => ({
  certPem: chainPem,
  keyPem,
  trustedClientCaPem: pki.caCompleteChainPem,
});

async function start(changes: Partial<VerifierOptions> = {}): Promise<EmbeddedVerifier> {
  const verifier = await startVerifier({
    host: "127.0.0.1",
    port: 0,
    tls: serverTls(pki.verifier),
    clientTls: { certPem: pki.verifier.chainPem, keyPem: pki.verifier.keyPem },
    quoteIntervalMs: 50,
    retryIntervalMs: 50,
    maxRetries: 1,
    enableAgentMtls: false,
    logger: silentLogger,
    ...changes,
  });
  onTestFinished(() => verifier.stop());
  return verifier;
}

function askersTo(verifier: EmbeddedVerifier, admin = pki.tenant): Askers {
  const { address } = verifier;
  return askersOf({
    verifier: address,
    registrar: { http: address, https: address },
    caPem: pki.caCompleteChainPem,
    admin: { certPem: admin.chainPem, keyPem: admin.keyPem },
  });
}

async function plainAgent() {
  const registrar = { host: "127.0.0.1", port: 9 };
  const agent = await startKeylimeAgent({
    tpm,
    agentId: randomUUID(),
    listen: { host: "127.0.0.1", port: 0 },
    registrar,
  });
  onTestFinished(() => agent.stop());
  const body = enrolmentBody({
    cloudagent_port: agent.address.port,
    ak_tpm: tpm.akPublic.toString("base64"),
    mtls_cert: "disabled",
  });
  return { id: agent.agentId, path: `/v2.2/agents/${agent.agentId}`, body };
}

describe("the embedded verifier", () => {
  it("says at its start what it is for", async () => {
    const lines: [LogLevel, string, LogFields | undefined][] = [];
    const logger: Logger = { log: (...line) => void lines.push(line as (typeof lines)[number]) };
    const { address } = await start({ logger });
    expect(lines[0]).toEqual([
      "info",
      "Embedded Keylime verifier started: for laboratories and tests only",
      { address: `127.0.0.1:${address.port}` },
    ]);
  });

  it("attests an agent over plain HTTP when mTLS to agents is off", async () => {
    const verifier = await start();
    const { id, path, body } = await plainAgent();
    await askersTo(verifier).verifier(path, { method: "POST", json: body });
    await until(() => (verifier.agent(id)?.attestationCount ?? 0) >= 2, { what: "two good quotes" });
    expect(verifier.agents().map(({ agentId }) => agentId)).toEqual([id]);
  });

  it("starts polled agents over after a restart and leaves failed ones", async () => {
    const verifier = await start({ quoteIntervalMs: 3_600_000 });
    const { id, path, body } = await plainAgent();
    const { verifier: ask } = askersTo(verifier);
    await ask(path, { method: "POST", json: body });
    await until(() => verifier.agent(id)?.attestationCount === 1, { what: "a good quote" });
    await ask("/v2.2/agents/failed", { method: "POST", json: { ...body, tpm_policy: "{}" } });
    await until(() => verifier.agent("failed")?.operationalState === 7, { what: "the other one to fail" });
    verifier.restart();
    expect(verifier.agents().map(({ operationalState }) => operationalState)).toEqual([1, 7]);
    await until(() => verifier.agent(id)?.attestationCount === 2, { what: "a quote after the restart" });
  });

  it("goes on with the clock it knows after a restart, so that an older quote is refused", async () => {
    const verifier = await start({ quoteIntervalMs: 3_600_000 });
    const { id, path, body } = await plainAgent();
    await askersTo(verifier).verifier(path, { method: "POST", json: body });
    await until(() => verifier.agent(id)?.attestationCount === 1, { what: "a good quote" });
    const future = { clockMs: 2n ** 60n, resetCount: 1, restartCount: 0, safe: true };
    verifier.changeAgent(id, { clock: future });
    verifier.restart();
    await until(() => verifier.agent(id)?.operationalState === 9, { what: "the refusal" });
    expect(verifier.agent(id)).toMatchObject({ lastEventId: "qoute_validation.quote_validation", clock: future });
  });

  it("dates entries and answers by its own clock", async () => {
    const verifier = await start({ clock: { nowMs: () => 1_000_000_500_000 } });
    const { id, path, body } = await plainAgent();
    const { verifier: ask } = askersTo(verifier);
    const answer = await ask(path, { method: "POST", json: body });
    expect(answer.headers.date).toBe(new Date(1_000_000_500_000).toUTCString());
    await until(() => (verifier.agent(id)?.attestationCount ?? 0) > 0, { what: "a good quote" });
    expect(verifier.agent(id)).toMatchObject({
      lastReceivedQuote: 1_000_000_500,
      lastSuccessfulAttestation: 1_000_000_500,
    });
  });

  describe("in push mode", () => {
    it("keeps agents without an address, whose status is told by what was planted", async () => {
      const verifier = await start({ mode: "push", enableAgentMtls: true });
      const { id, path, body } = await plainAgent();
      const { verifier: ask } = askersTo(verifier);
      expect(brief(await ask(path, { method: "POST", json: body }))).toEqual(success());
      const shown = async () => ((await ask(path)).json as { results: object }).results;
      expect(await shown()).toMatchObject({
        ip: null,
        port: null,
        operational_state: 3,
        attestation_status: "PENDING",
      });
      verifier.changeAgent(id, { attestationCount: 1 });
      expect(await shown()).toMatchObject({ attestation_status: "PASS" });
      verifier.changeAgent(id, { acceptAttestations: false });
      expect(await shown()).toMatchObject({ attestation_status: "TIMEOUT" });
      verifier.changeAgent(id, { consecutiveFailures: 1 });
      expect(await shown()).toMatchObject({ attestation_status: "FAIL", operational_state: 3 });
      expect((await ask("/version")).status).toBe(410);
      expect(brief(await ask(path, { method: "DELETE" }))).toEqual(success());
    });
  });

  describe("as an older release", () => {
    it("names its versions, tells unknown ones in JSON and leaves out the fields of 2.5", async () => {
      const verifier = await start({ apiVersions: ["2.3", "2.4"] });
      const { path, body } = await plainAgent();
      const { verifier: ask } = askersTo(verifier);
      const versions = { current_version: "2.4", supported_versions: ["2.3", "2.4"] };
      expect(brief(await ask("/version"))).toEqual(success(versions));
      expect(brief(await ask("/v2.5/agents"))).toEqual(envelope(400, "API Version not supported"));
      expect(brief(await ask("/v3.0/"))).toEqual(envelope(400, "API Version not supported"));
      expect((await ask("/elsewhere")).status).toBe(404);
      const old = path.replace("2.2", "2.4");
      const noAddress = without(body, "cloudagent_ip");
      expect(brief(await ask(old, { method: "POST", json: noAddress }))).toEqual(
        envelope(400, "Exception error: 'cloudagent_ip'"),
      );
      await ask(old, { method: "POST", json: body });
      const shown = ((await ask(old)).json as { results: object }).results;
      expect(Object.keys(shown)).not.toEqual(expect.arrayContaining(["attestation_status"]));
      expect(shown).toMatchObject({ attestation_count: expect.any(Number), operational_state: expect.any(Number) });
    });

    it("has neither identity verdicts nor boot policies at 2.1, and takes mb_refstate", async () => {
      const verifier = await start({ apiVersions: ["2.1"] });
      const { path, body } = await plainAgent();
      const { verifier: ask } = askersTo(verifier);
      expect((await ask("/v2.1/verify/identity?agent_uuid=a&quote=r&nonce=n&hash_alg=sha256")).status).toBe(404);
      expect((await ask("/v2.1/mbpolicies")).status).toBe(404);
      const json = { ...without(without(body, "mb_policy"), "mb_policy_name"), mb_refstate: null };
      expect(brief(await ask(path.replace("2.2", "2.1"), { method: "POST", json }))).toEqual(success());
    });
  });

  describe("its TLS", () => {
    let foreign: Awaited<ReturnType<typeof createSelfSigned>>;
    beforeAll(async () => {
      foreign = await createSelfSigned({ commonName: "foreign" });
    });
    it("refuses a certificate below another CA with unknown_ca, and tells of it", async () => {
      const alerts: (number | undefined)[] = [];
      const verifier = await start({ onHandshake: ({ alert }) => void alerts.push(alert?.number) });
      await expect(askersTo(verifier, foreign).verifier("/version")).rejects.toMatchObject({
        code: "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
      });
      expect(alerts).toEqual([48]);
    });

    it("serves a new certificate to new connections", async () => {
      const verifier = await start();
      verifier.rotateTls(serverTls(pki.registrar));
      expect((await askersTo(verifier).verifier("/version")).status).toBe(200);
      verifier.rotateTls({ ...serverTls(pki.verifier), trustedClientCaPem: "" });
      await expect(askersTo(verifier).verifier("/version")).rejects.toThrow(/unknown ca/i);
      expect((await askersTo(verifier).anonymous.verifier("/version")).status).toBe(200);
    });

    it("takes a certificate without common name for nobody", async () => {
      const verifier = await start();
      const nameless = await pki.issue({ subject: "O=Funlab.Casa", eku: ["clientAuth"] });
      expect((await askersTo(verifier, nameless).verifier("/v2.6/agents")).status).toBe(403);
    });
  });

  it("ends a request whose body is longer than 16 MiB", async () => {
    const verifier = await start();
    const text = "x".repeat(17 * 1024 * 1024);
    const call = askersTo(verifier).verifier("/v2.6/agents/a", { method: "POST", text });
    const outcome = await call.then(
      ({ status }) => status,
      () => "closed",
    );
    expect([400, "closed"]).toContain(outcome);
    expect((await askersTo(verifier).verifier("/version")).status).toBe(200);
  });
});
