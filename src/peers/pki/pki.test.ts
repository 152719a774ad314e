import { createPrivateKey, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createRootCa, createSelfSigned } from "./authority.js";
import { fieldReportPki } from "./field-report-pki.js";
import { encryptKeyPem, type KeyType, traditionalKeyPem } from "./key-pair.js";

const parse = (pem: string) => new X509Certificate(pem);
const pemCount = (pem: string) => pem.split("-----BEGIN CERTIFICATE-----").length - 1;

describe("the PKI of the field report", () => {
  it("has the report's names, chains and addresses", async () => {
    const pki = await fieldReportPki();
    const verifier = parse(pki.verifier.certPem);
    expect(verifier.subject).toBe("CN=verifier.keylime.funlab.casa");
    expect(verifier.issuer).toBe("C=US\nO=Funlab.Casa\nOU=Tower of Omens\nCN=Book of Omens");
    expect(verifier.subjectAltName).toBe(
      "DNS:verifier.keylime.funlab.casa, DNS:verifier.funlab.casa, DNS:localhost, IP Address:127.0.0.1",
    );
    expect(verifier.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    expect(parse(pki.plugin.certPem).keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    expect(pki.verifier.chainPem).toBe(pki.verifier.certPem + pki.intermediate.certPem);
    expect(pki.caCompleteChainPem).toBe(pki.intermediate.certPem + pki.root.certPem);
    const intermediate = parse(pki.intermediate.certPem);
    expect(verifier.checkIssued(intermediate) && verifier.verify(intermediate.publicKey)).toBe(true);
    expect(intermediate.checkIssued(parse(pki.root.certPem)) && intermediate.ca).toBe(true);
    expect(verifier.checkPrivateKey(createPrivateKey(pki.verifier.keyPem))).toBe(true);
  });

  it("has Keylime's own CA beside it, foreign to the report's", async () => {
    const { cvCa, root } = await fieldReportPki();
    const server = parse(cvCa.files["server-cert.crt"]);
    expect(server.issuer).toContain("CN=Keylime Certificate Authority");
    expect(server.verify(parse(cvCa.files["cacert.crt"]).publicKey)).toBe(true);
    expect(server.verify(parse(root.certPem).publicKey)).toBe(false);
    expect(server.checkPrivateKey(createPrivateKey(cvCa.files["server-private.pem"]))).toBe(true);
    expect(parse(cvCa.files["client-cert.crt"]).keyUsage).toBeUndefined();
  });
});

describe("certificates", () => {
  const keyTypes: KeyType[] = ["rsa1024", "rsa2048", "p256", "p384", "p521", "ed25519"];
  it.each(keyTypes)("are issued with %s keys that verify", async (keyType) => {
    const root = await createRootCa({ commonName: "root", keyType });
    const leaf = await root.issue({ commonName: "leaf", keyType });
    expect(parse(leaf.certPem).verify(parse(root.certPem).publicKey)).toBe(true);
    expect(leaf.chainPem).toBe(leaf.certPem);
    expect(leaf.keyPem).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  });

  it("carry the faults that are asked for", async () => {
    const root = await createRootCa({ commonName: "root", keyType: "rsa2048" });
    const past = { notBefore: new Date("2020-01-01"), notAfter: new Date("2021-01-01") };
    const expired = parse((await root.issue({ commonName: "expired", ...past })).certPem);
    expect(expired.validTo).toBe("Jan  1 00:00:00 2021 GMT");
    const notCa = parse((await root.issueCa({ commonName: "not a ca", ca: false })).certPem);
    expect(notCa.ca).toBe(false);
    const broken = parse((await root.issue({ commonName: "broken", breakSignature: true })).certPem);
    expect(broken.verify(parse(root.certPem).publicKey)).toBe(false);
    const sha1 = await root.issue({ commonName: "sha1", hash: "SHA-1" });
    expect(sha1.certDer.includes(Buffer.from("06092a864886f70d010105", "hex"))).toBe(true);
    expect(parse(sha1.certPem).verify(parse(root.certPem).publicKey)).toBe(true);
    const bare = await root.issue({ commonName: "bare", omit: ["keyUsage", "subjectKeyIdentifier"], eku: ["any"] });
    expect(parse(bare.certPem).keyUsage).toEqual(["2.5.29.37.0"]);
    expect(bare.certDer.includes(Buffer.from("0603551d0f", "hex"))).toBe(false);
  });

  it("may sign themselves", async () => {
    const agent = await createSelfSigned({ commonName: "agent", dnsNames: ["localhost"] });
    const certificate = parse(agent.certPem);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(pemCount(agent.chainPem)).toBe(1);
  });

  it("may be renewed over the same key", async () => {
    const root = await createRootCa({ commonName: "root" });
    const first = await root.issue({ commonName: "leaf" });
    const second = await root.issue({ commonName: "leaf", keyPair: first.keyPair });
    expect(second.keyPem).toBe(first.keyPem);
    expect(second.certPem).not.toBe(first.certPem);
  });
});

describe("keys", () => {
  it("are written encrypted or in the older containers on request", async () => {
    const { keyPem } = await createSelfSigned({ commonName: "rsa", keyType: "rsa2048" });
    expect(traditionalKeyPem(keyPem)).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
    const encrypted = encryptKeyPem(keyPem, "open sesame");
    expect(encrypted).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
    const opened = createPrivateKey({ key: encrypted, passphrase: "open sesame" });
    expect(opened.export({ type: "pkcs8", format: "pem" })).toBe(keyPem);
  });
});
