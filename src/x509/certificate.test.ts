import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createRootCa } from "../peers/pki/authority.js";
import { alternativeNamesText, parseOpensslTime, readCertificate } from "./certificate.js";
import { readPrivateKey } from "./private-key.js";

describe("readCertificate", () => {
  it("tells the whole of a leaf", async () => {
    const root = await createRootCa({ commonName: "Eye of Thundera" });
    const intermediate = await root.issueCa({ subject: "C=US, O=Funlab.Casa, OU=Tower of Omens, CN=Book of Omens" });
    const leaf = await intermediate.issue({
      commonName: "verifier",
      serialNumber: "0a0b",
      dnsNames: ["a.example.org", "b, c"],
      ipAddresses: ["127.0.0.1", "::1"],
      uris: ["spiffe://x/y"],
      eku: ["serverAuth", "clientAuth"],
      notBefore: new Date("2026-01-02T03:04:05Z"),
      notAfter: new Date("2051-01-02T03:04:05Z"),
    });
    const { sha256, ...facts } = readCertificate(leaf.certPem);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(facts).toEqual({
      subject: "CN=verifier",
      issuer: "CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US",
      serial: "0a0b",
      notBeforeMs: Date.parse("2026-01-02T03:04:05Z"),
      notAfterMs: Date.parse("2051-01-02T03:04:05Z"),
      eku: ["serverAuth", "clientAuth"],
      sans: expect.arrayContaining([
        { kind: "dns", value: "a.example.org" },
        { kind: "dns", value: "b, c" },
        { kind: "ip", value: "127.0.0.1" },
        { kind: "ip", value: "0:0:0:0:0:0:0:1" },
        { kind: "uri", value: "spiffe://x/y" },
      ]),
      isCa: false,
      isSelfIssued: false,
      keyType: "ec",
      keyBits: 256,
      curve: "prime256v1",
    });
    expect(facts.sans).toHaveLength(5);
    expect(readCertificate(leaf.certDer)).toEqual({ sha256, ...facts });
  });

  it("tells a root from a leaf", async () => {
    const { isCa, isSelfIssued, eku, sans } = readCertificate((await createRootCa({ commonName: "R" })).certPem);
    expect({ isCa, isSelfIssued, eku, sans }).toEqual({ isCa: true, isSelfIssued: true, eku: undefined, sans: [] });
  });

  it("prints a name on one line whatever it holds", async () => {
    const { subject } = readCertificate((await createRootCa({ commonName: "a\nCN=b\u202e\u001b[31m, +x" })).certPem);
    expect(subject).toMatch(/^CN=a\\0ACN=b\\E2\\80\\AE\\1B\[31m\\, \\\+x$/);
  });

  it("throws for what is no certificate", () => {
    for (const bad of ["", "x", Buffer.from([0x30, 0x82])]) expect(() => readCertificate(bad)).toThrow();
  });
});

describe("parseOpensslTime", () => {
  it.each([
    ["Nov 23 21:17:00 2026 GMT", "2026-11-23T21:17:00.000Z"],
    ["Jan  1 00:00:00 2050 GMT", "2050-01-01T00:00:00.000Z"],
    ["Dec 31 23:59:59 9999 GMT", "9999-12-31T23:59:59.000Z"],
    ["Feb 29 12:00:00.123456 2028 GMT", "2028-02-29T12:00:00.123Z"],
    ["Jan  1 00:00:00. 2050 GMT", "2050-01-01T00:00:00.000Z"],
    ["Jan  1 00:00:00 0050 GMT", "0050-01-01T00:00:00.000Z"],
  ])("reads %s", (text, iso) => expect(new Date(parseOpensslTime(text)!).toISOString()).toBe(iso));

  it.each(["", "Bad time value", "Foo  1 00:00:00 2050 GMT", "Jan 1 2050", "Jan  1 00:00:00 2050 CET"])(
    "refuses %j",
    (text) => {
      expect(parseOpensslTime(text)).toBeUndefined();
    },
  );
});

describe("alternativeNamesText", () => {
  it("lists names as operators write them", () => {
    expect(
      alternativeNamesText([
        { kind: "dns", value: "a" },
        { kind: "ip", value: "::1" },
        { kind: "email", value: "a@b" },
        { kind: "other", value: "DirName:CN=x" },
      ]),
    ).toBe("DNS:a, IP:::1, email:a@b, DirName:CN=x");
    expect(alternativeNamesText([])).toBe("none");
  });
});

describe("readPrivateKey", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const cipher = { cipher: "aes-256-cbc", passphrase: "open sesame" };

  it.each([
    ["PKCS#8", ec.export({ type: "pkcs8", format: "pem" })],
    ["SEC1", ec.export({ type: "sec1", format: "pem" })],
    ["PKCS#1", rsa.export({ type: "pkcs1", format: "pem" })],
  ])("reads %s, with and without a password that is not needed", (_name, pem) => {
    for (const password of [undefined, "x"]) {
      const answer = readPrivateKey({ pem: String(pem), isEncrypted: false, ...(password ? { password } : {}) });
      expect("key" in answer && answer.key.equals(createPrivateKey(pem))).toBe(true);
    }
  });

  it.each([
    ["PKCS#8", ec.export({ type: "pkcs8", format: "pem", ...cipher })],
    ["PKCS#1", rsa.export({ type: "pkcs1", format: "pem", ...cipher })],
  ])("reads encrypted %s with its password only", (_name, pem) => {
    const text = { pem: String(pem), isEncrypted: true };
    expect("key" in readPrivateKey({ ...text, password: "open sesame" })).toBe(true);
    expect(readPrivateKey(text)).toMatchObject({ failure: "password-needed" });
    for (const password of ["", "wrong"])
      expect(readPrivateKey({ ...text, password })).toMatchObject({ failure: "password-wrong" });
  });

  it("tells a damaged key from an encrypted one", () => {
    expect(
      readPrivateKey({ pem: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", isEncrypted: false }),
    ).toMatchObject({ failure: "unreadable" });
  });
});
