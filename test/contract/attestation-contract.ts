import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type KeylimeAgent, type KeylimeAgentOptions, startKeylimeAgent } from "../../src/peers/agent/keylime-agent.js";
import { SoftwareTpm, type TpmKeyKind } from "../../src/peers/tpm/software-tpm.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import { brief, type ContractPeers, envelope, success } from "./contract-peers.js";
import { enrolmentBody } from "./enrolment.js";
import { type ContractRun, showLogsOnFailure } from "./keylime-contract.js";

type Fields = Record<string, unknown>;

const zeros = "0".repeat(64);
/** PCR 23, which any software may extend. */
const mask23 = "0x800000";

export function attestationContract(run: ContractRun): void {
  const { ask, peers } = run;

  const path = (id: string, suffix = "") => `/v2.6/agents/${id}${suffix}`;
  const fields = async (id: string) => ((await ask().verifier(path(id))).json as { results: Fields }).results;
  const enrol = async (agent: KeylimeAgent, changes: Fields = {}) => {
    const { registrar, verifier } = ask();
    const record = ((await registrar(path(agent.agentId))).json as { results: Fields }).results;
    const json = enrolmentBody({
      cloudagent_ip: record.ip,
      cloudagent_port: record.port,
      mtls_cert: record.mtls_cert,
      ak_tpm: record.aik_tpm,
      ...changes,
    });
    expect(brief(await verifier(path(agent.agentId), { method: "POST", json }))).toEqual(success());
  };
  /** Polls until the fields are as wanted. */
  const reach = (id: string, wanted: (agent: Fields) => boolean, what: string, timeoutMs = 30_000) =>
    until(
      async () => {
        const agent = await fields(id);
        if (wanted(agent)) return agent;
        throw new Error(`still ${JSON.stringify(agent)}`);
      },
      { what, timeoutMs, intervalMs: 100 },
    );
  const attested = (id: string, rounds: number) =>
    reach(id, (agent) => (agent.attestation_count as number) >= rounds, `${rounds} good quotes`);
  const inState = (id: string, state: number) =>
    reach(id, (agent) => agent.operational_state === state, `state ${state}`);
  const startAgent = (tpm: SoftwareTpm, changes: Partial<KeylimeAgentOptions> = {}) => startOn(peers(), tpm, changes);
  /** Registered, and gone from the verifier when the test is over. */
  const registeredAgent = async (changes: Partial<KeylimeAgentOptions> = {}, kind: TpmKeyKind = "ecc256") => {
    showLogsOnFailure(run);
    const agent = await startAgent(await SoftwareTpm.create({ ek: kind, ak: kind }), changes);
    onTestFinished(async () => {
      await ask().verifier(path(agent.agentId, "/stop"), { method: "PUT" });
      await ask().verifier(path(agent.agentId), { method: "DELETE" });
      await agent.stop();
    });
    await agent.register();
    return agent;
  };

  describe("attestation", { timeout: 60_000 }, () => {
    it.each([
      ["RSA", "rsa2048" as const, "rsa2048", "rsassa"],
      ["ECC", "ecc256" as const, "ecc256", "ecdsa"],
    ])("passes an agent with %s keys round after round: 1, 5, 3", async (_name, kind, encAlg, signAlg) => {
      const agent = await registeredAgent({ delays: { quoteMs: 200 } }, kind);
      await enrol(agent);
      const seen: unknown[] = [];
      const found = await until(
        async () => {
          const now = await fields(agent.agentId);
          if (seen.at(-1) !== now.operational_state) seen.push(now.operational_state);
          return (now.attestation_count as number) >= 3 ? now : undefined;
        },
        { what: "three good quotes", timeoutMs: 30_000, intervalMs: 20 },
      );
      expect(seen).toEqual([1, 5, 3]);
      expect(found).toMatchObject({
        attestation_status: "PASS",
        hash_alg: "sha256",
        enc_alg: encAlg,
        sign_alg: signAlg,
        severity_level: null,
        last_event_id: null,
      });
      expect(found.last_received_quote).toBe(found.last_successful_attestation);
      expect(Math.abs((found.last_successful_attestation as number) - Date.now() / 1000)).toBeLessThan(30);
      expect(agent.served.get("/keys/vkey")).toBeUndefined();
    });

    it("passes an agent that comes back with the payload key it kept", async () => {
      await using directory = await temporaryDirectory("payload-key");
      const payloadKeyFile = directory.file("payload-private.pem");
      const before = await registeredAgent({ payloadKeyFile });
      await enrol(before);
      const { attestation_count: rounds } = await attested(before.agentId, 1);
      await before.stop();
      const listen = before.address;
      const after = await startAgent(before.tpm, { agentId: before.agentId, listen, payloadKeyFile });
      onTestFinished(() => after.stop());
      expect(await attested(after.agentId, (rounds as number) + 2)).toMatchObject({ attestation_status: "PASS" });
    });

    it("delivers the payload key's half when there is one", async () => {
      const agent = await registeredAgent();
      await enrol(agent, { v: randomBytes(32).toString("base64") });
      await attested(agent.agentId, 2);
      expect(agent.served.get("/keys/vkey")).toBe(1);
    });

    it("passes an empty IMA list while PCR 10 is zero", async () => {
      const agent = await registeredAgent();
      await enrol(agent, { tpm_policy: '{"mask": "0x400"}' });
      expect(await attested(agent.agentId, 2)).toMatchObject({ attestation_status: "PASS" });
    });

    it("fails an empty IMA list when PCR 10 is not zero", async () => {
      const agent = await registeredAgent();
      agent.tpm.extend(10, randomBytes(32));
      await enrol(agent, { tpm_policy: '{"mask": "0x400"}' });
      expect(await inState(agent.agentId, 9)).toMatchObject({ last_event_id: "ima.pcr_mismatch" });
    });

    it("agrees on another version with an agent that does not speak the enrolled one", async () => {
      const agent = await registeredAgent({ apiVersions: ["2.1", "2.2"] });
      await enrol(agent, { supported_version: "2.6" });
      expect(await attested(agent.agentId, 2)).toMatchObject({ attestation_status: "PASS", enc_alg: "ecc" });
    });

    it("fails an agent whose PCR leaves the policy, keeps what it had, and fails it again when reactivated", async () => {
      const agent = await registeredAgent();
      const id = agent.agentId;
      const tpmPolicy = JSON.stringify({ mask: mask23, "23": [zeros] });
      await enrol(agent, { tpm_policy: tpmPolicy });
      await attested(id, 2);
      agent.tpm.extend(23, randomBytes(32));
      const failed = await inState(id, 9);
      expect(failed).toMatchObject({
        attestation_status: "FAIL",
        severity_level: 6,
        last_event_id: "pcr_validation.invalid_pcr_23",
        tpm_policy: tpmPolicy,
      });
      expect(failed.last_received_quote).toBeGreaterThanOrEqual(failed.last_successful_attestation as number);
      const quote = agent.tpm.quote({ nonce: "identity", pcrMask: 1 << 16 });
      expect(brief(await askIdentity(ask, { id, quote, nonce: "identity" }))).toEqual(success({ valid: 1 }));

      await pause(1100);
      await ask().verifier(path(id, "/reactivate"), { method: "PUT" });
      const later = (now: Fields) =>
        now.operational_state === 9 && now.last_received_quote !== failed.last_received_quote;
      const again = await reach(id, later, "another refused quote");
      expect(again).toMatchObject({
        attestation_count: failed.attestation_count,
        last_successful_attestation: failed.last_successful_attestation,
        last_event_id: "pcr_validation.invalid_pcr_23",
      });

      agent.tpm.resetPcr(23);
      await ask().verifier(path(id, "/reactivate"), { method: "PUT" });
      const healed = await attested(id, (failed.attestation_count as number) + 1);
      expect(healed).toMatchObject({
        attestation_status: "PASS",
        // What is kept describes the past.
        severity_level: 6,
        last_event_id: "pcr_validation.invalid_pcr_23",
      });
      agent.tpm.extend(23, randomBytes(32));
      await inState(id, 9);
      expect(brief(await ask().verifier(path(id), { method: "DELETE" }))).toEqual(success());
      expect(brief(await ask().verifier(path(id)))).toEqual(envelope(404, "agent id not found"));
    });

    it.each([
      [
        "a PCR that is not quoted",
        { tpm_policy: `{"mask": "0x0", "23": ["${zeros}"]}` },
        "pcr_validation.missing_pcrs",
      ],
      ["another hash", { accept_tpm_hash_algs: ["sha512"] }, "qoute_validation.invalid_hash_alg"],
      ["another key", { accept_tpm_encryption_algs: ["rsa"] }, "qoute_validation.invalid_enc_alg"],
      ["another signature", { accept_tpm_signing_algs: ["rsassa"] }, "qoute_validation.invalid_sign_alg"],
    ])("fails an agent that was enrolled for %s", async (_what, changes, event) => {
      const agent = await registeredAgent();
      await enrol(agent, changes);
      expect(await inState(agent.agentId, 9)).toMatchObject({
        attestation_status: "FAIL",
        attestation_count: 0,
        last_successful_attestation: 0,
        last_event_id: event,
      });
    });

    it("fails an agent that signs with another kind of attestation key", async () => {
      const agent = await registeredAgent();
      const other = await SoftwareTpm.create({ ek: "ecc256", ak: "rsa2048" });
      await enrol(agent, { ak_tpm: other.akPublic.toString("base64") });
      expect(await inState(agent.agentId, 9)).toMatchObject({
        attestation_count: 0,
        last_event_id: "qoute_validation.quote_validation",
      });
    });

    it("shows a good agent that went silent as 3 and PASS, then as 7, and takes it back after a reboot", async () => {
      const first = await registeredAgent();
      const { agentId: id, tpm } = first;
      await enrol(first);
      const good = await attested(id, 2);
      await first.stop();
      expect(await fields(id)).toMatchObject({ attestation_status: "PASS" });
      const lost = await inState(id, 7);
      expect(lost).toMatchObject({
        attestation_status: "FAIL",
        severity_level: 6,
        last_event_id: expect.stringMatching(/^internal\.verifier\./),
      });
      expect(lost.attestation_count).toBeGreaterThanOrEqual(good.attestation_count as number);
      expect(lost.last_received_quote).toBe(lost.last_successful_attestation);

      tpm.reboot();
      const back = await startAgent(tpm, { agentId: id, listen: first.address });
      onTestFinished(() => back.stop());
      expect(await fields(id)).toMatchObject({ operational_state: 7 });
      await ask().verifier(path(id, "/reactivate"), { method: "PUT" });
      const again = await attested(id, (lost.attestation_count as number) + 2);
      expect(again).toMatchObject({ attestation_status: "PASS", severity_level: 6 });
    });

    it("deletes an agent at once between two quotes, and after the quote when one is in flight", async () => {
      const { verifier } = ask();
      const idle = await registeredAgent();
      await enrol(idle);
      await attested(idle.agentId, 1);
      expect(brief(await verifier(path(idle.agentId), { method: "DELETE" }))).toEqual(success());
      expect((await verifier(path(idle.agentId))).status).toBe(404);

      const busy = await registeredAgent({ delays: { quoteMs: 1500 } });
      await enrol(busy);
      expect(brief(await verifier(path(busy.agentId), { method: "DELETE" }))).toEqual(envelope(202, "Accepted"));
      expect(await fields(busy.agentId)).toMatchObject({ operational_state: 8, attestation_status: "PENDING" });
      expect(brief(await verifier(path(busy.agentId), { method: "DELETE" }))).toEqual(envelope(202, "Accepted"));
      await until(async () => (await verifier(path(busy.agentId))).status === 404, { what: "the agent to be gone" });
    });
  });

  describe("identity quotes", () => {
    let agent: KeylimeAgent;
    beforeAll(async () => {
      agent = await startAgent(await SoftwareTpm.create({ ek: "ecc256", ak: "ecc256" }));
      await agent.register();
      await enrol(agent);
    });
    afterAll(async () => {
      await ask().verifier(path(agent.agentId, "/stop"), { method: "PUT" });
      await ask().verifier(path(agent.agentId), { method: "DELETE" });
      await agent.stop();
    });

    const nonce = "0123456789abcdefghij";
    const quoteOf = (pcrMask = 1 << 16) => agent.tpm.quote({ nonce, pcrMask });
    const verdict = async (question: Partial<IdentityQuestion>) =>
      brief(await askIdentity(ask, { id: agent.agentId, quote: quoteOf(), nonce, ...question }));
    const refused = (reason: unknown) => success({ valid: 0, reason });
    const checkRefused = (error: string) =>
      refused(JSON.stringify({ message: "Quote data validation", error }).replaceAll(/([:,])"/g, '$1 "'));

    it("are accepted, whatever PCRs they cover", async () => {
      expect(await verdict({})).toEqual(success({ valid: 1 }));
      expect(await verdict({ quote: quoteOf(0x0f_00_01) })).toEqual(success({ valid: 1 }));
    });

    it("are refused for another nonce", async () => {
      const error = "The nonce from the attestation differs from the expected nonce";
      expect(await verdict({ nonce: "another0nonce" })).toEqual(checkRefused(error));
    });

    it("are refused for another hash than the signature's", async () => {
      const error = "Quote was expected to use sha384 but used sha256 instead";
      expect(await verdict({ hashAlg: "sha384" })).toEqual(checkRefused(error));
    });

    it("are refused for a hash that does not exist", async () => {
      const message = "TPM Quote is using an unrecognized hash algorithm: foo";
      expect(await verdict({ hashAlg: "foo" })).toEqual(refused(`{"message": "${message}", "data": "foo"}`));
    });

    it("are refused with the PCR values of another quote", async () => {
      const [attest, signature] = quoteOf(1 << 23).split(":");
      agent.tpm.extend(23, randomBytes(32));
      const values = quoteOf(1 << 23).split(":")[2];
      agent.tpm.resetPcr(23);
      const error = "The digest used for quoting is different than the one that was calculated";
      expect(await verdict({ quote: [attest, signature, values].join(":") })).toEqual(checkRefused(error));
    });

    it("are refused when they have no form", async () => {
      expect(await verdict({ quote: "rAAAA" })).toEqual(
        refused('{"message": "Quote validation failed: Quote is not compound! AAAA"}'),
      );
      expect(await verdict({ quote: `x${quoteOf()}` })).toEqual(
        refused('{"message": "Quote validation failed: Invalid quote type x"}'),
      );
    });
  });
}

interface IdentityQuestion {
  id: string;
  quote: string;
  nonce: string;
  hashAlg?: string;
}

function askIdentity(ask: ContractRun["ask"], { id, quote, nonce, hashAlg = "sha256" }: IdentityQuestion) {
  const query = new URLSearchParams({ agent_uuid: id, quote, nonce, hash_alg: hashAlg });
  return ask().anonymous.verifier(`/v2.6/verify/identity?${query}`);
}

function startOn(
  { registrar, agentTls }: ContractPeers,
  tpm: SoftwareTpm,
  changes: Partial<KeylimeAgentOptions>,
): Promise<KeylimeAgent> {
  return startKeylimeAgent({
    tpm,
    agentId: randomUUID(),
    listen: { host: "127.0.0.1", port: 0 },
    registrar: registrar.http,
    tls: agentTls,
    ...changes,
  });
}
