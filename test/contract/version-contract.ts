import { describe, expect, it } from "vitest";
import { brief, envelope, success } from "./contract-peers.js";
import type { ContractRun } from "./keylime-contract.js";

const versions = {
  current_version: "2.6",
  supported_versions: ["1.0", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "3.0"],
};
const nothing = (status: number) => ({ status, text: "" });

export function versionContract({ ask }: ContractRun): void {
  describe("versions and paths", () => {
    it("lists its versions to everybody", async () => {
      const { anonymous, plain } = ask();
      expect(brief(await anonymous.verifier("/version"))).toEqual(success(versions));
      expect(brief(await anonymous.verifier("/versions"))).toEqual(success(versions));
      expect(brief(await anonymous.registrar("/version"))).toEqual(success(versions));
      expect(brief(await plain("/version"))).toEqual(success(versions));
    });

    it("has no /versions at the registrar", async () => {
      expect(brief(await ask().anonymous.registrar("/versions"))).toEqual(nothing(404));
    });

    it.each(["/v2.7/agents", "/v1.0/agents", "/2.6/agents", "/v2.6/unknown", "/agents", "/v2.6/agents/a/b/c"])(
      "answers %s with an empty 404 in HTML",
      async (path) => {
        for (const service of [ask().verifier, ask().registrar]) {
          const answer = await service(path);
          expect(brief(answer)).toEqual(nothing(404));
          expect(answer.headers["content-type"]).toMatch(/^text\/html/);
        }
      },
    );

    it.each(["2", "2.0", "2.1", "2.2", "2.5", "2.6"])("serves version %s", async (version) => {
      const missing = await ask().verifier(`/v${version}/agents/nobody`);
      expect(brief(missing)).toEqual(envelope(404, "agent id not found"));
      const unregistered = await ask().registrar(`/v${version}/agents/nobody`);
      expect(brief(unregistered)).toEqual(envelope(404, "Agent with ID 'nobody' not found"));
    });

    it("fails at the roots of its versions and at everything of 3.0", async () => {
      const { verifier, registrar, plain } = ask();
      expect(brief(await verifier("/v3.0/"))).toEqual(nothing(500));
      expect(brief(await verifier("/v3.0/agents/nobody"))).toEqual(nothing(500));
      expect(brief(await verifier("/v2.6/"))).toEqual(nothing(500));
      expect(brief(await registrar("/v3.0/"))).toEqual(nothing(500));
      expect(brief(await plain("/v3.0/"))).toEqual(nothing(500));
      expect(brief(await registrar("/v3.0/agents/nobody"))).toEqual(nothing(500));
    });

    it("redirects the root to 3.0", async () => {
      const answer = await ask().verifier("/");
      expect([answer.status, answer.headers.location, answer.text]).toEqual([307, "/v3.0/", ""]);
    });

    it("takes a path with a slash at its end", async () => {
      expect((await ask().verifier("/v2.6/agents/")).status).toBe(200);
    });

    it("tells a wrong method from an unknown path", async () => {
      const { verifier, registrar } = ask();
      for (const service of [verifier, registrar]) {
        expect(brief(await service("/v2.6/agents", { method: "PUT" }))).toEqual(nothing(405));
        expect(brief(await service("/v2.6/agents/a", { method: "PATCH" }))).toEqual(nothing(405));
        expect(brief(await service("/v2.6/agents", { method: "PROPFIND" }))).toEqual(nothing(501));
        expect((await service("/v2.6/agents", { method: "HEAD" })).status).toBe(405);
      }
    });

    it("echoes the word characters of X-Request-ID, 36 at most", async () => {
      const id = `-ab c!${"1234567890".repeat(4)}`;
      for (const service of [ask().verifier, ask().registrar]) {
        const answer = await service("/version", { headers: { "X-Request-ID": id } });
        expect(answer.headers["x-request-id"]).toBe("abc123456789012345678901234567890123");
        expect((await service("/version")).headers["x-request-id"]).toBe("");
      }
    });

    it("dates its answers", async () => {
      const { headers } = await ask().verifier("/version");
      expect(Math.abs(Date.parse(String(headers.date)) - Date.now())).toBeLessThan(60_000);
    });
  });

  describe("who may call", () => {
    const forbidden = (detail: string) => ({
      status: 403,
      json: { errors: [{ status: "403", title: "Forbidden", detail }] },
    });
    const admin = (action: string) => forbidden(`Action ${action} requires admin authentication (mTLS certificate)`);

    it.each([
      ["GET", "/v2.6/agents/a", forbidden("Action read_agent requires authentication")],
      ["GET", "/v2.6/agents", admin("list_agents")],
      ["POST", "/v2.6/agents/a", admin("create_agent")],
      ["DELETE", "/v2.6/agents/a", admin("delete_agent")],
      ["PUT", "/v2.6/agents/a/reactivate", admin("reactivate_agent")],
      ["PUT", "/v2.6/agents/a/stop", admin("stop_agent")],
      ["GET", "/v2.6/allowlists", admin("list_runtime_policies")],
      ["GET", "/v2.6/allowlists/a", admin("read_runtime_policy")],
      ["POST", "/v2.6/allowlists/a", admin("create_runtime_policy")],
      ["PUT", "/v2.6/allowlists/a", admin("update_runtime_policy")],
      ["DELETE", "/v2.6/allowlists/a", admin("delete_runtime_policy")],
      ["GET", "/v2.6/mbpolicies", admin("list_mb_policies")],
      ["GET", "/v2.6/mbpolicies/a", admin("read_mb_policy")],
      ["POST", "/v2.6/mbpolicies/a", admin("create_mb_policy")],
      ["PUT", "/v2.6/mbpolicies/a", admin("update_mb_policy")],
      ["DELETE", "/v2.6/mbpolicies/a", admin("delete_mb_policy")],
    ])("refuses %s %s of the verifier without a certificate", async (method, path, expected) => {
      expect(brief(await ask().anonymous.verifier(path, { method }))).toEqual(expected);
    });

    it.each([
      ["GET", "/v2.6/agents", admin("list_registrations")],
      ["GET", "/v2.6/agents/a", admin("read_registration")],
      ["DELETE", "/v2.6/agents/a", admin("delete_registration")],
    ])(
      "refuses %s %s of the registrar without a certificate, and on the HTTP port at all",
      async (method, path, expected) => {
        expect(brief(await ask().anonymous.registrar(path, { method }))).toEqual(expected);
        expect(brief(await ask().plain(path, { method }))).toEqual(nothing(400));
      },
    );

    it("refuses any Authorization header it does not know, certificate or not", async () => {
      const refused = (detail: string) => ({
        status: 401,
        json: { errors: [{ status: "401", title: "Unauthorized", detail }] },
      });
      const { verifier, anonymous } = ask();
      for (const service of [verifier, anonymous.verifier]) {
        const bearer = await service("/v2.6/agents/a", { headers: { authorization: "Bearer x" } });
        expect(brief(bearer)).toEqual(refused("Invalid authentication token"));
        const basic = await service("/v2.6/agents/a", { headers: { authorization: "Basic x" } });
        expect(brief(basic)).toEqual(refused("Invalid Authorization header format"));
      }
    });
  });
}
