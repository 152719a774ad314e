import { beforeAll, describe, expect, it } from "vitest";
import { createSelfSigned } from "../pki/authority.js";
import { SoftwareTpm } from "../tpm/software-tpm.js";
import { judgeRegistration, type RegisteredAgent } from "./registration.js";

describe("judgeRegistration", () => {
  let tpm: SoftwareTpm;
  let known: RegisteredAgent;
  beforeAll(async () => {
    tpm = await SoftwareTpm.create({ ek: "ecc256", ak: "ecc256" });
    known = {
      agentId: "a",
      ekTpm: tpm.ekPublic,
      akTpm: tpm.akPublic,
      ekCert: null,
      ip: "127.0.0.1",
      port: 9002,
      mtlsCert: "disabled",
      regcount: 1,
      active: true,
      challengeBase64: "x",
    };
  });

  it("keeps what a later registration does not name, and makes the agent inactive", () => {
    expect(judgeRegistration(known, "a", { port: 9003 })).toEqual({
      outcome: "valid",
      agent: { ...known, port: 9003, regcount: 2, active: false, challengeBase64: "" },
    });
  });

  it("names every identity that changed", () => {
    const data = { ek_tpm: "AAAA", aik_tpm: "", ekcert: null };
    expect(judgeRegistration(known, "a", data)).toEqual({ outcome: "other-tpm", changed: ["ek_tpm", "aik_tpm"] });
  });

  it("names everything that is wrong", () => {
    const data = { ek_tpm: null, port: 1.5, ip: {}, mtls_cert: 7, iak_tpm: "AAAA" };
    expect(judgeRegistration(undefined, "a", data)).toEqual({
      outcome: "invalid",
      errors: [
        "ek_tpm cannot be null",
        "ip is of an incorrect type",
        "port is of an incorrect type",
        "mtls_cert is not a permitted value",
        "ek_tpm is required",
        "aik_tpm is required",
        "iak_tpm is not served by the embedded registrar",
      ],
    });
  });

  it("takes no key that cannot be read for the certificate's", async () => {
    const { certPem } = await createSelfSigned({ commonName: "ek" });
    const data = { ek_tpm: "AAAA", aik_tpm: "AAAA", ekcert: certPem };
    const judged = judgeRegistration(undefined, "a", data);
    expect(judged).toMatchObject({
      outcome: "invalid",
      errors: [expect.stringMatching(/^ek_tpm must be a valid TPM2B_PUBLIC structure: /)],
    });
  });

  it.each(["constructor", "__proto__", "toString"])("is not misled by a parameter named %s", (name) => {
    const data = JSON.parse(`{"${name}": "x"}`) as Record<string, unknown>;
    expect(judgeRegistration(undefined, "a", data).outcome).toBe("invalid");
  });
});
