import { X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { type CertificateAuthority, createRootCa } from "../../peers/pki/authority.js";
import { type FieldReportPki, fieldReportPki } from "../../peers/pki/field-report-pki.js";
import { readCertificateFields } from "../extensions.js";
import { judgeGo } from "./go.js";
import { judgeOpenssl } from "./openssl.js";
import type { TrustVerdict } from "./verdict.js";

const nowMs = Date.now();
const split = (pem: string) =>
  (pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []).map(
    (one) => new X509Certificate(one),
  );

function brief(verdict: TrustVerdict): string {
  if (verdict.ok) return `ok, ${verdict.path.length} certificates`;
  return `${verdict.error.name} at ${verdict.depth}, alert ${verdict.alert}`;
}

function both(chainPem: string, anchorsPem: string): { openssl: string; go: string } {
  const question = { chain: split(chainPem), anchors: split(anchorsPem), purpose: "client" as const, nowMs };
  return { openssl: brief(judgeOpenssl(question)), go: brief(judgeGo(question)) };
}

let pki: FieldReportPki;
let root: CertificateAuthority;
let intermediate: CertificateAuthority;
beforeAll(async () => {
  pki = await fieldReportPki();
  ({ root, intermediate } = pki);
});

describe("the trust of a verifier in a client", () => {
  it("follows the measured table: root, intermediate and empty trust files", async () => {
    const { plugin } = pki;
    const serverOnly = await pki.issue({ commonName: "server only", eku: ["serverAuth"] });
    const foreign = pki.cvCa.files["server-cert.crt"];
    const verdicts = (anchors: string) => ({
      plugin: both(plugin.chainPem, anchors),
      serverOnly: both(serverOnly.chainPem, anchors),
      foreign: both(foreign, anchors),
      leafOnly: both(plugin.certPem, anchors),
    });
    const unknown = {
      openssl: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY at 0, alert 48",
      go: "UnknownAuthorityError at 0, alert 48",
    };
    expect(verdicts(pki.caCompleteChainPem)).toEqual({
      plugin: { openssl: "ok, 3 certificates", go: "ok, 2 certificates" },
      serverOnly: { openssl: "INVALID_PURPOSE at 0, alert 43", go: "IncompatibleUsage at 0, alert 42" },
      foreign: unknown,
      leafOnly: { openssl: "ok, 3 certificates", go: "ok, 2 certificates" },
    });
    expect(verdicts(root.certPem)).toEqual({
      plugin: { openssl: "ok, 3 certificates", go: "ok, 3 certificates" },
      serverOnly: { openssl: "INVALID_PURPOSE at 0, alert 43", go: "IncompatibleUsage at 0, alert 42" },
      foreign: unknown,
      leafOnly: unknown,
    });
    const noRoot = { openssl: "UNABLE_TO_GET_ISSUER_CERT at 1, alert 48", go: "ok, 2 certificates" };
    expect(verdicts(intermediate.certPem)).toEqual({
      plugin: noRoot,
      serverOnly: { ...noRoot, go: "IncompatibleUsage at 0, alert 42" },
      foreign: unknown,
      leafOnly: noRoot,
    });
    const lost = {
      openssl: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY at 1, alert 48",
      go: "UnknownAuthorityError at 1, alert 48",
    };
    expect(verdicts("")).toEqual({ plugin: lost, serverOnly: lost, foreign: unknown, leafOnly: unknown });
  });

  it("looks at dates", async () => {
    const day = 86_400_000;
    const expired = await pki.issue({ commonName: "old", notBefore: new Date(0), notAfter: new Date(nowMs - day) });
    const future = await pki.issue({ commonName: "new", notBefore: new Date(nowMs + day) });
    expect(both(expired.chainPem, pki.caCompleteChainPem)).toEqual({
      openssl: "CERT_HAS_EXPIRED at 0, alert 45",
      go: "Expired at 0, alert 45",
    });
    expect(both(future.chainPem, pki.caCompleteChainPem)).toEqual({
      openssl: "CERT_NOT_YET_VALID at 0, alert 42",
      go: "Expired at 0, alert 45",
    });
  });

  it("looks at what a CA may do", async () => {
    const notCa = await root.issueCa({ commonName: "not a ca", ca: false });
    const below = await (await root.issueCa({ commonName: "a", pathLength: 0 })).issueCa({ commonName: "b" });
    const serverCa = await root.issueCa({ commonName: "server ca", eku: ["serverAuth"] });
    const noSign = await root.issueCa({ commonName: "no sign", keyUsage: ["digitalSignature"] });
    const chain = async (ca: CertificateAuthority) => (await ca.issue({ commonName: "leaf" })).chainPem;
    expect(both(await chain(notCa), root.certPem)).toEqual({
      openssl: "INVALID_CA at 1, alert 48",
      go: "UnknownAuthorityError at 0, alert 48",
    });
    expect(both(await chain(noSign), root.certPem)).toEqual({
      openssl: "INVALID_CA at 1, alert 48",
      go: "UnknownAuthorityError at 0, alert 48",
    });
    expect(both(await chain(below), root.certPem)).toEqual({
      openssl: "PATH_LENGTH_EXCEEDED at 2, alert 48",
      go: "TooManyIntermediates at 2, alert 42",
    });
    expect(both(await chain(serverCa), root.certPem)).toEqual({
      openssl: "INVALID_PURPOSE at 1, alert 43",
      go: "IncompatibleUsage at 0, alert 42",
    });
  });

  it("looks at signatures and key identifiers, not at names alone", async () => {
    const broken = await pki.issue({ commonName: "broken", breakSignature: true });
    expect(both(broken.chainPem, root.certPem)).toEqual({
      openssl: "CERT_SIGNATURE_FAILURE at 0, alert 51",
      go: "UnknownAuthorityError at 0, alert 48",
    });
    const twin = await createRootCa({ commonName: "Eye of Thundera" });
    expect(both(pki.plugin.chainPem, twin.certPem).openssl).toBe("UNABLE_TO_GET_ISSUER_CERT_LOCALLY at 1, alert 48");
  });

  it("looks at strength, by the security level in force", async () => {
    const weakKey = await createRootCa({ commonName: "weak", keyType: "rsa1024" });
    const leaf = await weakKey.issue({ commonName: "leaf" });
    const rsaRoot = await createRootCa({ commonName: "rsa", keyType: "rsa2048" });
    const sha1 = await rsaRoot.issue({ commonName: "sha1", hash: "SHA-1" });
    const small = await rsaRoot.issue({ commonName: "small", keyType: "rsa1024" });
    const at = (chain: string, anchors: string, securityLevel: number) =>
      brief(judgeOpenssl({ chain: split(chain), anchors: split(anchors), purpose: "client", nowMs, securityLevel }));
    expect([0, 1, 2].map((level) => at(leaf.certPem, weakKey.certPem, level))).toEqual([
      "ok, 2 certificates",
      "ok, 2 certificates",
      "CA_KEY_TOO_SMALL at 1, alert 42",
    ]);
    expect([0, 1, 2].map((level) => at(sha1.certPem, rsaRoot.certPem, level))).toEqual([
      "ok, 2 certificates",
      "CA_MD_TOO_WEAK at 0, alert 42",
      "CA_MD_TOO_WEAK at 0, alert 42",
    ]);
    expect([1, 2].map((level) => at(small.certPem, rsaRoot.certPem, level))).toEqual([
      "ok, 2 certificates",
      "EE_KEY_TOO_SMALL at 0, alert 42",
    ]);
  });

  it("ends on CAs that issue each other", async () => {
    const a = await createRootCa({ commonName: "a" });
    const b = await createRootCa({ commonName: "b" });
    const aByB = await b.issueCa({ commonName: "a", keyPair: a.keyPair });
    const bByA = await a.issueCa({ commonName: "b", keyPair: b.keyPair });
    const leaf = await a.issue({ commonName: "leaf" });
    const verdict = both(leaf.certPem, aByB.certPem + bByA.certPem);
    expect(verdict).toEqual({ openssl: "CERT_CHAIN_TOO_LONG at 101, alert 48", go: "ok, 2 certificates" });
    expect(both(leaf.certPem + aByB.certPem + bByA.certPem, "").openssl).toMatch(/^UNABLE_TO_GET_ISSUER_CERT_LOCALLY/);
  });
});

describe("certificate fields", () => {
  it("are refused when cut at any byte", () => {
    const der = pki.verifier.certDer;
    for (let length = 0; length < der.length; length++) {
      expect(() => readCertificateFields(der.subarray(0, length))).toThrow(
        expect.objectContaining({ code: "x509-malformed" }),
      );
    }
  });

  it("survive 20,000 mutations with no other error", () => {
    const der = pki.verifier.certDer;
    let state = 12345;
    const next = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state >> 8) % below;
    };
    for (let i = 0; i < 20_000; i++) {
      const mutated = Buffer.from(der);
      for (let edits = 1 + next(3); edits > 0; edits--) mutated[next(mutated.length)] = next(256);
      try {
        readCertificateFields(mutated);
      } catch (error) {
        expect(error).toMatchObject({ code: "x509-malformed" });
      }
    }
  });
});
