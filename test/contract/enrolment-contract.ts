import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { until } from "../support/until.js";
import { brief, envelope, type PeerAnswer, success } from "./contract-peers.js";
import { enrolmentBody, without } from "./enrolment.js";
import type { ContractRun } from "./keylime-contract.js";
import { base64, runtimePolicy } from "./policy-contract.js";

/**
 * Keylime 7.14.3 keeps one collection of internal events for all agents, and names the first event that was ever in it:
 * which of them an agent shows depends on what happened to others before.
 */
const internalEvent = expect.stringMatching(/^internal\.verifier\./);

export function enrolmentContract({ ask, peers }: ContractRun): void {
  describe("enrolment", { timeout: 60_000 }, () => {
    let id: string;
    const path = (suffix = "") => `/v2.6/agents/${id}${suffix}`;
    const body = (changes: Record<string, unknown> = {}) =>
      enrolmentBody({ mtls_cert: peers().agentTls.certPem, ...changes });
    const post = (json: unknown) => ask().verifier(path(), { method: "POST", json });
    const fields = async () => ((await ask().verifier(path())).json as { results: Record<string, unknown> }).results;

    beforeEach(() => {
      id = randomUUID();
    });
    // The stop makes the deletion immediate, in flight or not.
    afterEach(async () => {
      await ask().verifier(path("/stop"), { method: "PUT" });
      await ask().verifier(path(), { method: "DELETE" });
    });

    it("starts with every field of an agent that was never reached", async () => {
      expect(brief(await post(body({ metadata: '{"a":1}' })))).toEqual(success());
      const { quoteIntervalS, verifier } = peers();
      const found = await fields();
      expect(found).toEqual({
        // 1 until the first try has failed, then 3.
        operational_state: expect.toBeOneOf([1, 3]),
        v: null,
        ip: "127.0.0.1",
        port: 9,
        tpm_policy: '{"mask": "0x10000"}',
        meta_data: '{"a":1}',
        has_mb_refstate: 0,
        has_runtime_policy: 0,
        accept_tpm_hash_algs: ["sha256"],
        accept_tpm_encryption_algs: ["rsa", "ecc"],
        accept_tpm_signing_algs: ["rsassa", "ecdsa"],
        hash_alg: "",
        enc_alg: "",
        sign_alg: "",
        verifier_id: "default",
        verifier_ip: verifier.host,
        // A number on the embedded verifier, the text of its configuration on the real one until its next start.
        verifier_port: expect.toBeOneOf([verifier.port, String(verifier.port)]),
        severity_level: null,
        last_event_id: null,
        attestation_count: 0,
        last_received_quote: 0,
        last_successful_attestation: 0,
        attestation_status: expect.toBeOneOf(["PENDING", "PASS"]),
        attestation_period: `${quoteIntervalS}s`,
        maximum_attestation_interval: `${quoteIntervalS * 5}s`,
      });
    });

    it("shows an agent it cannot reach as 3 and PASS with nothing attested, and then as 7", async () => {
      await post(body());
      const trying = await until(async () => pick(await fields(), 3), { what: "state 3", timeoutMs: 5000 });
      expect(trying).toMatchObject({ attestation_status: "PASS", attestation_count: 0, last_event_id: null });
      const failed = await until(async () => pick(await fields(), 7), { what: "state 7", timeoutMs: 30_000 });
      expect(failed).toMatchObject({
        attestation_status: "FAIL",
        attestation_count: 0,
        last_received_quote: 0,
        severity_level: 6,
        last_event_id: internalEvent,
      });
      expect(brief(await ask().verifier(path("/reactivate"), { method: "PUT" }))).toEqual(success());
      const again = await until(async () => pick(await fields(), 1, 3), { what: "state 1 or 3", timeoutMs: 5000 });
      expect(again).toMatchObject({ severity_level: 6, last_event_id: internalEvent });
      await until(async () => pick(await fields(), 7), { what: "state 7 again", timeoutMs: 30_000 });
      expect(brief(await ask().verifier(path(), { method: "DELETE" }))).toEqual(success());
      expect(brief(await ask().verifier(path()))).toEqual(envelope(404, "agent id not found"));
    });

    it("lists agents as lists of one, in bulk by id, and by verifier", async () => {
      await post(body());
      const { verifier } = ask();
      const uuids = (answer: PeerAnswer) => (answer.json as { results: { uuids: string[][] } }).results.uuids;
      expect(uuids(await verifier("/v2.6/agents"))).toContainEqual([id]);
      expect(uuids(await verifier("/v2.6/agents?verifier=default"))).toContainEqual([id]);
      expect(brief(await verifier("/v2.6/agents?verifier=other"))).toEqual(success({ uuids: [] }));
      const bulk = (await verifier("/v2.6/agents?bulk=true")).json as { results: Record<string, object> };
      expect(Object.keys(bulk.results[id]!).sort()).toEqual(Object.keys(await fields()).sort());
      expect(brief(await verifier("/v2.6/agents?bulk=true&verifier=other"))).toEqual(success());
    });

    it("stops at 10, stays there when reactivated, and is deleted at once", async () => {
      await post(body());
      expect(brief(await ask().verifier(path("/stop"), { method: "PUT" }))).toEqual(success());
      expect(await fields()).toMatchObject({ operational_state: 10, attestation_status: "FAIL" });
      expect(brief(await ask().verifier(path("/reactivate"), { method: "PUT" }))).toEqual(success());
      expect(await fields()).toMatchObject({ operational_state: 10 });
      expect(brief(await ask().verifier(path(), { method: "DELETE" }))).toEqual(success());
      expect((await ask().verifier(path())).status).toBe(404);
    });

    it.each([
      "tpm_policy",
      "metadata",
      "ima_sign_verification_keys",
      "revocation_key",
      "accept_tpm_hash_algs",
      "accept_tpm_encryption_algs",
      "accept_tpm_signing_algs",
      "ak_tpm",
      "mb_policy",
      "mb_policy_name",
    ])("refuses a body without %s", async (key) => {
      expect(brief(await post(without(body(), key)))).toEqual(envelope(400, `Exception error: '${key}'`));
      expect((await ask().verifier(path())).status).toBe(404);
    });

    it("refuses a body without runtime policy, without mTLS certificate, and with a port that is none", async () => {
      const noPolicy = "Exception error: argument should be a bytes-like object or ASCII string, not 'NoneType'";
      expect(brief(await post(without(body(), "runtime_policy")))).toEqual(envelope(400, noPolicy));
      expect(brief(await post(body({ runtime_policy: null })))).toEqual(envelope(400, noPolicy));
      const noMtls = envelope(400, "mTLS certificate for agent is required!");
      expect(brief(await post(without(body(), "mtls_cert")))).toEqual(noMtls);
      expect(brief(await post(body({ mtls_cert: "disabled" })))).toEqual(noMtls);
      expect(brief(await post(body({ cloudagent_port: "http" })))).toEqual(
        envelope(400, "Exception error: invalid literal for int() with base 10: 'http'"),
      );
    });

    it("refuses an empty body, and one that is no JSON in the two ways of its content type", async () => {
      const { verifier } = ask();
      expect(brief(await verifier(path(), { method: "POST" }))).toEqual(
        envelope(400, "Expected non zero content length"),
      );
      expect((await verifier(path(), { method: "POST", text: "{" })).json).toMatchObject({
        code: 400,
        status: expect.stringMatching(/^Exception error: /),
      });
      const headers = { "content-type": "application/json" };
      const answer = await verifier(path(), { method: "POST", text: "{", headers });
      expect(brief(answer)).toEqual({ status: 400, text: "" });
    });

    it("refuses an empty body that claims to be JSON, even where none is needed", async () => {
      const headers = { "content-type": "application/json" };
      const answer = await ask().verifier(path("/reactivate"), { method: "PUT", headers });
      expect(brief(answer)).toEqual({ status: 400, text: "" });
    });

    it("refuses an agent that is there already", async () => {
      await post(body());
      const there = `Agent of uuid ${id} already exists. Please use delete or update.`;
      expect(brief(await post(body()))).toEqual(envelope(409, there));
    });

    it("refuses ids of other characters", async () => {
      const { verifier } = ask();
      for (const call of [{}, { method: "DELETE" }, { method: "POST", json: body() }]) {
        expect(brief(await verifier("/v2.6/agents/a%20b", call))).toEqual(envelope(400, "agent_id not not valid"));
      }
      const put = await verifier("/v2.6/agents/a~b/stop", { method: "PUT" });
      expect(brief(put)).toEqual(envelope(400, "agent_id not not valid"));
    });

    it("knows no agent that was never enrolled", async () => {
      const { verifier } = ask();
      expect(brief(await verifier(path()))).toEqual(envelope(404, "agent id not found"));
      expect(brief(await verifier(path(), { method: "DELETE" }))).toEqual(envelope(404, "agent id not found"));
      const noRow = envelope(400, "Exception error: No row was found when one was required");
      expect(brief(await verifier(path("/reactivate"), { method: "PUT" }))).toEqual(noRow);
      expect(brief(await verifier(path("/stop"), { method: "PUT" }))).toEqual(noRow);
      const question = "agent_uuid=nobody&quote=r&nonce=n&hash_alg=sha256";
      expect(brief(await verifier(`/v2.6/verify/identity?${question}`))).toEqual(envelope(404, "agent id not found"));
    });

    it("shows that policies are present, and keeps them from being deleted", async () => {
      const name = `policy-${id}`;
      await post(body({ runtime_policy: base64(runtimePolicy), runtime_policy_name: name, mb_policy: "{}" }));
      expect(await fields()).toMatchObject({ has_runtime_policy: 1, has_mb_refstate: 1 });
      const { verifier } = ask();
      expect(brief(await verifier(`/v2.6/allowlists/${name}`, { method: "DELETE" }))).toEqual(
        envelope(409, `Can't delete allowlist as it's currently in use by agent ${id}`),
      );
      expect(brief(await verifier(`/v2.6/mbpolicies/${id}`, { method: "DELETE" }))).toEqual(
        envelope(409, `Can't delete mb_policy as it's currently in use by agent ${id}`),
      );
      await verifier(path("/stop"), { method: "PUT" });
      expect(brief(await verifier(path(), { method: "DELETE" }))).toEqual(success());
      expect((await verifier(`/v2.6/mbpolicies/${id}`)).status).toBe(404);
      expect(brief(await verifier(`/v2.6/allowlists/${name}`, { method: "DELETE" }))).toEqual({
        status: 204,
        text: "",
      });
    });

    it("refuses a policy name that is taken, or that names nothing", async () => {
      const { verifier } = ask();
      const name = `taken-${id}`;
      const json = { runtime_policy: base64(runtimePolicy) };
      await verifier(`/v2.6/allowlists/${name}`, { method: "POST", json });
      const taken =
        `IMA policy with name ${name} already exists. Please use a different name or delete the allowlist from the ` +
        "verifier.";
      expect(brief(await post(body({ ...json, runtime_policy_name: name })))).toEqual(envelope(409, taken));
      await verifier(`/v2.6/allowlists/${name}`, { method: "DELETE" });
      expect(brief(await post(body({ runtime_policy_name: name })))).toEqual(
        envelope(404, `Could not find IMA policy with name ${name}!`),
      );
      expect(brief(await post(body({ mb_policy_name: name })))).toEqual(
        envelope(404, `Could not find mb_policy with name ${name}!`),
      );
      const noJson = envelope(400, expect.stringMatching(/^Exception error: /));
      expect(brief(await post(body({ runtime_policy: base64("x") })))).toEqual(noJson);
      expect(brief(await post(body({ runtime_policy: base64("{}") })))).toEqual(
        envelope(400, "Runtime policy is malformatted: 'meta' is a required property"),
      );
    });

    it("fails an agent whose TPM policy is no Python literal or names no mask", async () => {
      for (const tpmPolicy of ["{}", '{"mask": "0x400", "x": null}', "no JSON"]) {
        id = randomUUID();
        expect(brief(await post(body({ tpm_policy: tpmPolicy })))).toEqual(success());
        const failed = await until(async () => pick(await fields(), 7), { what: "state 7", timeoutMs: 5000 });
        expect(failed).toMatchObject({ last_event_id: internalEvent, tpm_policy: tpmPolicy });
        await ask().verifier(path(), { method: "DELETE" });
      }
    });

    it("needs every parameter of an identity question", async () => {
      const parameters = { agent_uuid: id, quote: "r", nonce: "n", hash_alg: "sha256" };
      for (const name of Object.keys(parameters)) {
        const missing = envelope(400, `missing query parameter '${name}'`);
        for (const value of [undefined, ""]) {
          const query = new URLSearchParams(parameters);
          if (value === undefined) query.delete(name);
          else query.set(name, value);
          expect(brief(await ask().anonymous.verifier(`/v2.6/verify/identity?${query}`))).toEqual(missing);
        }
      }
    });
  });
}

/** The fields when the state is one of those; undefined otherwise, for polling. */
export function pick(fields: Record<string, unknown>, ...states: number[]): Record<string, unknown> | undefined {
  return states.includes(fields.operational_state as number) ? fields : undefined;
}
