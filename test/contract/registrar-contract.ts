import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { createRootCa, type IssuedCertificate } from "../../src/peers/pki/authority.js";
import { authTag } from "../../src/peers/tpm/make-credential.js";
import { SoftwareTpm } from "../../src/peers/tpm/software-tpm.js";
import { brief, envelope, type PeerAnswer, success } from "./contract-peers.js";
import type { ContractRun } from "./keylime-contract.js";

const invalid = envelope(400, "Could not register agent with invalid data");
const nothing = (status: number) => ({ status, text: "" });

export function registrarContract({ ask }: ContractRun): void {
  let tpm: SoftwareTpm;
  let other: SoftwareTpm;
  let ekCertificate: IssuedCertificate;
  let mtls: IssuedCertificate;
  beforeAll(async () => {
    [tpm, other] = await Promise.all([SoftwareTpm.create(), SoftwareTpm.create({ ek: "ecc256", ak: "ecc256" })]);
    const maker = await createRootCa({ commonName: "TPM maker" });
    const keyPair = { publicKey: tpm.ekPublicKey, privateKey: tpm.ekPublicKey, keyPem: "" };
    ekCertificate = await certify(maker, keyPair);
    mtls = await maker.issue({ commonName: "agent" });
  });

  const path = (id: string) => `/v2.6/agents/${id}`;
  const identity = (of: SoftwareTpm) => ({
    ek_tpm: of.ekPublic.toString("base64"),
    aik_tpm: of.akPublic.toString("base64"),
  });
  /** Exactly what the Rust agent sends. */
  const body = (of: SoftwareTpm, changes: Record<string, unknown> = {}) => ({
    ...identity(of),
    ekcert: null,
    iak_cert: null,
    idevid_cert: null,
    ip: "127.0.0.1",
    port: 9002,
    mtls_cert: "disabled",
    ...changes,
  });
  const register = (id: string, json: unknown) => ask().plain(path(id), { method: "POST", json });
  const activate = (id: string, tag: unknown) => ask().plain(path(id), { method: "PUT", json: { auth_tag: tag } });
  const answerTo = (of: SoftwareTpm, id: string, answer: PeerAnswer) => {
    const { blob } = (answer.json as { results: { blob: string } }).results;
    return authTag(id, of.activateCredential(Buffer.from(blob, "base64")).toString("base64"));
  };

  describe("registration", () => {
    it.each([
      ["RSA", () => tpm, 336],
      ["ECC", () => other, 148],
    ])("hands an %s endorsement key a credential that its TPM can activate", async (_kind, chosen, bytes) => {
      const of = chosen();
      const id = randomUUID();
      const registered = await register(id, body(of));
      const { blob } = (registered.json as { results: { blob: string } }).results;
      expect(brief(registered)).toEqual(success({ blob }));
      expect(Buffer.from(blob, "base64")).toHaveLength(bytes);
      const secret = of.activateCredential(Buffer.from(blob, "base64"));
      expect(secret.toString()).toMatch(/^[A-Za-z0-9]{32}$/);
      expect(brief(await ask().registrar(path(id)))).toEqual(
        envelope(404, `Agent with ID '${id}' has not been activated`),
      );
      expect(brief(await activate(id, answerTo(of, id, registered)))).toEqual(success());
      expect(brief(await ask().registrar(path(id)))).toEqual(
        success({
          agent_id: id,
          ...identity(of),
          ekcert: null,
          mtls_cert: "disabled",
          ip: "127.0.0.1",
          port: 9002,
          regcount: 1,
        }),
      );
    });

    it("keeps the certificates it was given, and lists and deletes the agent", async () => {
      const id = randomUUID();
      const certificates = { ekcert: ekCertificate.certPem, mtls_cert: mtls.certPem };
      const registered = await register(id, body(tpm, { ...certificates, ip: "", port: "9003" }));
      await activate(id, answerTo(tpm, id, registered));
      const { registrar } = ask();
      expect(brief(await registrar(path(id)))).toEqual(
        success({
          agent_id: id,
          ...identity(tpm),
          ekcert: ekCertificate.certDer.toString("base64"),
          mtls_cert: mtls.certPem,
          ip: null,
          port: 9003,
          regcount: 1,
        }),
      );
      const list = (await registrar("/v2.6/agents")).json as { results: { uuids: string[] } };
      expect(list.results.uuids).toContain(id);
      expect(brief(await registrar(path(id), { method: "DELETE" }))).toEqual(success());
      const gone = envelope(404, `Agent with ID '${id}' not found`);
      expect(brief(await registrar(path(id), { method: "DELETE" }))).toEqual(gone);
      expect(brief(await registrar(path(id)))).toEqual(gone);
    });

    it("takes base64 DER, hex after 0x, an id in the body, and the HTTPS port without a certificate", async () => {
      const id = randomUUID();
      const json = body(tpm, {
        agent_id: id,
        ekcert: ekCertificate.certDer.toString("base64"),
        ek_tpm: `0x${tpm.ekPublic.toString("hex")}`,
        aik_tpm: `0x${tpm.akPublic.toString("hex")}`,
      });
      const registered = await ask().anonymous.registrar("/v2.6/agents", { method: "POST", json });
      expect(registered.status).toBe(200);
      const tag = answerTo(tpm, id, registered);
      const post = { method: "POST", json: { auth_tag: tag } };
      expect(brief(await ask().anonymous.registrar(`${path(id)}/activate`, post))).toEqual(success());
      const put = { method: "PUT", json: { auth_tag: tag } };
      expect(brief(await ask().plain(`${path(id)}/activate`, put))).toEqual(success());
      const shown = (await ask().registrar(path(id))).json as { results: unknown };
      expect(shown.results).toMatchObject({ agent_id: id, ...identity(tpm), regcount: 1 });
    });

    it("takes only the first certificate of a PEM text", async () => {
      const id = randomUUID();
      const chain = ekCertificate.certPem + mtls.certPem;
      await activate(id, answerTo(tpm, id, await register(id, body(tpm, { ekcert: chain }))));
      const shown = (await ask().registrar(path(id))).json as { results: { ekcert: string } };
      expect(shown.results.ekcert).toBe(ekCertificate.certDer.toString("base64"));
    });

    it("deactivates and counts an agent that registers again with the same TPM", async () => {
      const id = randomUUID();
      await activate(id, answerTo(tpm, id, await register(id, body(tpm))));
      const again = await register(id, body(tpm, { port: 9004 }));
      expect(brief(await ask().registrar(path(id)))).toEqual(
        envelope(404, `Agent with ID '${id}' has not been activated`),
      );
      await activate(id, answerTo(tpm, id, again));
      const shown = (await ask().registrar(path(id))).json as { results: unknown };
      expect(shown.results).toMatchObject({ regcount: 2, port: 9004 });
    });

    it("forbids another TPM under a registered id, and keeps the record", async () => {
      const id = randomUUID();
      await activate(id, answerTo(tpm, id, await register(id, body(tpm))));
      const forbidden = envelope(
        403,
        "Agent re-registration with different TPM identity is forbidden for security reasons",
      );
      expect(brief(await register(id, body(other)))).toEqual(forbidden);
      expect(brief(await register(id, body(tpm, { aik_tpm: identity(other).aik_tpm })))).toEqual(forbidden);
      const shown = (await ask().registrar(path(id))).json as { results: unknown };
      expect(shown.results).toMatchObject({ ...identity(tpm), regcount: 1 });
    });

    it.each([
      ["no keys at all", () => ({})],
      ["no attestation key", () => ({ ek_tpm: identity(tpm).ek_tpm })],
      ["no endorsement key", () => ({ aik_tpm: identity(tpm).aik_tpm })],
      ["an endorsement key that is null", () => body(tpm, { ek_tpm: null })],
      ["a key that is neither base64 nor hex", () => body(tpm, { ek_tpm: "*" })],
      ["a certificate of another key", () => body(tpm, { ekcert: mtls.certPem })],
      ["a certificate that is none", () => body(tpm, { ekcert: "AAAA" })],
      ["an mTLS certificate that is none", () => body(tpm, { mtls_cert: "enabled" })],
      ["a port that is no number", () => body(tpm, { port: "http" })],
      ["an address that is no text", () => body(tpm, { ip: 127 })],
    ])("refuses %s", async (_what, json) => {
      const id = randomUUID();
      expect(brief(await register(id, json()))).toEqual(invalid);
      expect((await ask().registrar(path(id))).status).toBe(404);
    });

    it("refuses a body without the content type of JSON, and one that is no JSON", async () => {
      const id = randomUUID();
      const text = JSON.stringify(body(tpm));
      expect(brief(await ask().plain(path(id), { method: "POST", text }))).toEqual(invalid);
      const headers = { "content-type": "application/json" };
      expect(brief(await ask().plain(path(id), { method: "POST", text: "{", headers }))).toEqual(nothing(400));
    });
  });

  describe("activation", () => {
    it("deletes the record after a wrong answer", async () => {
      const id = randomUUID();
      await register(id, body(tpm));
      expect(brief(await activate(id, "00"))).toEqual(
        envelope(
          400,
          `Auth tag '00' for agent '${id}' does not match expected value. The agent has been deleted from the ` +
            "database and will need to be restarted to reattempt registration",
        ),
      );
      expect(brief(await activate(id, "00"))).toEqual(envelope(404, `Agent with ID '${id}' not found`));
    });

    it("needs an answer", async () => {
      const id = randomUUID();
      await register(id, body(tpm));
      expect(brief(await ask().plain(path(id), { method: "PUT", json: {} }))).toEqual(nothing(400));
      expect(brief(await ask().registrar(path(id)))).toEqual(
        envelope(404, `Agent with ID '${id}' has not been activated`),
      );
    });
  });
}

/** An EK certificate: the key pair's private half stays in the TPM, and the issuer does not need it. */
async function certify(
  maker: Awaited<ReturnType<typeof createRootCa>>,
  keyPair: IssuedCertificate["keyPair"],
): Promise<IssuedCertificate> {
  return maker.issue({ commonName: "endorsement key", keyPair, keyUsage: ["keyEncipherment"] });
}
