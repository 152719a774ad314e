import { describe, expect, it } from "vitest";
import { brief, envelope, success } from "./contract-peers.js";
import type { ContractRun } from "./keylime-contract.js";

/** The empty runtime policy with a generator that counts as a policy. */
export const runtimePolicy = JSON.stringify({
  meta: { version: 5, generator: 3 },
  release: 0,
  digests: {},
  excludes: [],
  keyrings: {},
  ima: { ignored_keyrings: [], log_hash_alg: "sha1", dm_policy: null },
  "ima-buf": {},
  "verification-keys": "",
});

export const base64 = (text: string) => Buffer.from(text).toString("base64");

export function policyContract({ ask }: ContractRun): void {
  describe("runtime policies", () => {
    const path = "/v2.6/allowlists/contract-ima";
    const body = { runtime_policy: base64(runtimePolicy) };

    it("are created, shown, listed, replaced and deleted by name", async () => {
      const { verifier } = ask();
      expect(brief(await verifier(path))).toEqual(envelope(404, "Runtime policy contract-ima not found"));
      const put = await verifier(path, { method: "PUT", json: body });
      const unknown = "Runtime policy with name contract-ima does not already exist, use POST to create";
      expect(brief(put)).toEqual(envelope(404, unknown));
      expect(brief(await verifier(path, { method: "POST", json: body }))).toEqual(envelope(201, "Created"));
      const twice = await verifier(path, { method: "POST", json: body });
      expect(brief(twice)).toEqual(envelope(409, "Runtime policy with name contract-ima already exists"));
      expect(brief(await verifier(path, { method: "PUT", json: body }))).toEqual(envelope(201, "Created"));
      const shown = { name: "contract-ima", tmp_policy: null, runtime_policy: runtimePolicy };
      expect(brief(await verifier(path))).toEqual(success(shown));
      const list = (await verifier("/v2.6/allowlists")).json as { results: Record<string, string[]> };
      expect(list.results["runtimepolicy names"]).toContain("contract-ima");
      expect(brief(await verifier(path, { method: "DELETE" }))).toEqual({ status: 204, text: "" });
      expect((await verifier(path)).status).toBe(404);
      expect(brief(await verifier(path, { method: "DELETE" }))).toEqual(
        envelope(404, "Runtime policy contract-ima not found"),
      );
    });

    it("need a body, JSON in it, and every member", async () => {
      const { verifier } = ask();
      const post = async (call: object) => brief(await verifier(path, { method: "POST", ...call }));
      const refused = (text: string) => envelope(400, text);
      expect(await post({})).toEqual(refused("Expected non zero content length"));
      expect(await post({ json: { runtime_policy: base64("{}") } })).toEqual(
        refused("Runtime policy is malformatted: 'meta' is a required property"),
      );
      expect(await post({ json: {} })).toEqual({ status: 500, text: "" });
      expect(await post({ json: { runtime_policy: base64("x") } })).toEqual({ status: 500, text: "" });
    });
  });

  describe("measured boot policies", () => {
    const path = "/v2.6/mbpolicies/contract-mb";
    const body = { mb_policy: "{}" };

    it("are created, shown, listed, replaced and deleted by name", async () => {
      const { verifier } = ask();
      expect(brief(await verifier(path))).toEqual(envelope(404, "Measured boot policy contract-mb not found"));
      const put = await verifier(path, { method: "PUT", json: body });
      expect(brief(put)).toEqual(envelope(409, "Measured boot policy with name contract-mb does not already exist"));
      expect(brief(await verifier(path, { method: "POST", json: body }))).toEqual(envelope(201, "Created"));
      const twice = await verifier(path, { method: "POST", json: body });
      expect(brief(twice)).toEqual(envelope(409, "Measured boot policy with name contract-mb already exists"));
      expect(brief(await verifier(path, { method: "PUT", json: body }))).toEqual(envelope(201, "Created"));
      expect(brief(await verifier(path))).toEqual(success({ name: "contract-mb", mb_policy: "{}" }));
      const list = (await verifier("/v2.6/mbpolicies")).json as { results: Record<string, string[]> };
      expect(list.results["mbpolicy names"]).toContain("contract-mb");
      expect(brief(await verifier(path, { method: "DELETE" }))).toEqual({ status: 204, text: "" });
      expect(brief(await verifier(path, { method: "DELETE" }))).toEqual(
        envelope(404, "Measured boot policy contract-mb not found"),
      );
    });
  });
}
