import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { cipherSuite, tls13CipherSuites } from "./cipher-suite.js";
import { agreementGroups, createKeyAgreement } from "./key-agreement.js";
import { applicationSecrets, finishedVerifyData, handshakeSecrets, Transcript, trafficKey } from "./key-schedule.js";
import { certificateVerifyContent } from "./messages/certificate-verify.js";
import { maxCiphertextBytes, maxPlaintextBytes, RecordReader, type TlsRecord } from "./record.js";
import { RecordProtection } from "./record-protection.js";
import { schemeFitsKey, signWithScheme, tls13SignatureSchemes, verifyWithScheme } from "./signature.js";

const bytes = (text: string) => Buffer.from(text, "hex");
const hex = (buffer: Buffer) => buffer.toString("hex");
const aes128 = cipherSuite(0x1301)!;

describe("the key schedule", () => {
  it("yields the secrets of RFC 8448 section 3", () => {
    const shared = bytes("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");
    const helloHash = bytes("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8");
    const finishedHash = bytes("9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13");
    const handshake = handshakeSecrets(aes128, shared, helloHash);
    expect(hex(handshake.handshakeSecret)).toBe("1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac");
    expect(hex(handshake.clientTraffic)).toBe("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21");
    expect(hex(handshake.serverTraffic)).toBe("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
    const { key, iv } = trafficKey(aes128, handshake.serverTraffic);
    expect([hex(key), hex(iv)]).toEqual(["3fce516009c21727d0f2e4e86ee403bc", "5d313eb2671276ee13000b30"]);
    const application = applicationSecrets(aes128, handshake.handshakeSecret, finishedHash);
    expect(hex(application.clientTraffic)).toBe("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
    expect(hex(application.serverTraffic)).toBe("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
    expect(hex(application.exporter)).toBe("fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50");
  });

  it("puts the first hello's hash in its place on a retry", () => {
    const transcript = new Transcript();
    transcript.add(Buffer.from("hello"));
    const before = transcript.hash(aes128);
    transcript.foldForRetry(aes128);
    const direct = new Transcript();
    direct.add(Buffer.concat([bytes("fe000020"), before]));
    expect(transcript.hash(aes128)).toEqual(direct.hash(aes128));
  });

  it("has a Finished as long as the suite's hash", () => {
    const lengths = tls13CipherSuites.map(
      (suite) => finishedVerifyData(suite, Buffer.alloc(32), Buffer.alloc(32)).length,
    );
    expect(lengths).toEqual([32, 48, 32]);
  });
});

function recordOf(wire: Buffer): TlsRecord {
  const reader = new RecordReader();
  reader.push(wire);
  return reader.next()!;
}

describe.each(tls13CipherSuites)("record protection with $aead", (suite) => {
  const pair = () => {
    const secret = Buffer.alloc(suite.hashBytes, 3);
    return [new RecordProtection(suite, secret), new RecordProtection(suite, secret)] as const;
  };

  it("brings back type and content, record after record and past a key update", () => {
    const [sender, receiver] = pair();
    for (const content of [
      Buffer.from("one"),
      Buffer.alloc(0),
      Buffer.alloc(maxPlaintextBytes, 0),
      Buffer.from([0, 0]),
    ]) {
      expect(receiver.open(recordOf(sender.seal({ type: 0x17, content })))).toEqual({ type: 0x17, content });
    }
    sender.update();
    receiver.update();
    const content = Buffer.from("two");
    expect(receiver.open(recordOf(sender.seal({ type: 0x15, content })))).toEqual({ type: 0x15, content });
  });

  it("opens nothing that was changed, cut, repeated or reordered", () => {
    const wire = pair()[0].seal({ type: 0x17, content: Buffer.from("attack at dawn") });
    const { fragment } = recordOf(wire);
    for (let at = 0; at < fragment.length; at++) {
      const changed = Buffer.from(fragment);
      changed[at]! ^= 0x01;
      expect(pair()[1].open({ type: 0x17, version: 0x0303, fragment: changed })).toBeUndefined();
      const cut = fragment.subarray(0, at);
      expect(pair()[1].open({ type: 0x17, version: 0x0303, fragment: cut })).toBeUndefined();
    }
    const [, receiver] = pair();
    expect(receiver.open(recordOf(wire))).toBeDefined();
    expect(receiver.open(recordOf(wire))).toBeUndefined();
  });

  it("refuses records longer than TLS 1.3 allows", () => {
    const long = { type: 0x17, version: 0x0303, fragment: Buffer.alloc(maxCiphertextBytes + 1) };
    expect(() => pair()[1].open(long)).toThrow("16641 bytes long, at most 16640 expected");
    const [sender, receiver] = pair();
    const wire = sender.seal({ type: 0x17, content: Buffer.alloc(maxPlaintextBytes + 1) });
    expect(() => receiver.open(recordOf(wire))).toThrow("16385 bytes of content, at most 16384 expected");
  });

  it("reads a record of nothing but padding as type 0", () => {
    const [sender, receiver] = pair();
    expect(receiver.open(recordOf(sender.seal({ type: 0, content: Buffer.alloc(5) })))).toEqual({
      type: 0,
      content: Buffer.alloc(0),
    });
  });
});

describe.each([...agreementGroups])("key agreement in group 0x%s", (group) => {
  it("gives both sides one secret", () => {
    const [ours, theirs] = [createKeyAgreement(group), createKeyAgreement(group)];
    expect(ours.sharedSecret(theirs.publicKey)).toEqual(theirs.sharedSecret(ours.publicKey));
  });

  it("refuses what is no key of the group", () => {
    const ours = createKeyAgreement(group);
    const { length } = ours.publicKey;
    for (const bad of [
      Buffer.alloc(0),
      Buffer.alloc(length),
      Buffer.alloc(length - 1, 4),
      Buffer.alloc(length + 1, 4),
    ]) {
      expect(() => ours.sharedSecret(bad)).toThrow("cannot read key share");
    }
  });
});

describe("CertificateVerify signatures", () => {
  const keys = [
    generateKeyPairSync("rsa", { modulusLength: 2048 }),
    generateKeyPairSync("rsa-pss", { modulusLength: 2048 }),
    ...["P-256", "P-384", "P-521"].map((namedCurve) => generateKeyPairSync("ec", { namedCurve })),
    generateKeyPairSync("ed25519"),
    generateKeyPairSync("ed448"),
  ];
  const content = certificateVerifyContent("client", Buffer.alloc(32, 1));

  it("cover 64 spaces, the side, and the transcript", () => {
    expect(hex(content)).toBe(
      `${"20".repeat(64) + hex(Buffer.from("TLS 1.3, client CertificateVerify"))}00${"01".repeat(32)}`,
    );
  });

  it.each([...tls13SignatureSchemes])("of scheme 0x%s verify with the one kind of key that fits", (scheme) => {
    const fitting = keys.filter(({ privateKey }) => schemeFitsKey(scheme, privateKey));
    expect(fitting).toHaveLength(1);
    const { privateKey, publicKey } = fitting[0]!;
    const signature = signWithScheme(scheme, privateKey, content);
    expect(verifyWithScheme(scheme, publicKey, content, signature)).toBe(true);
    signature[5]! ^= 1;
    expect(verifyWithScheme(scheme, publicKey, content, signature)).toBe(false);
    expect(verifyWithScheme(scheme, publicKey, content, Buffer.alloc(0))).toBe(false);
    const other = keys.find(({ privateKey: key }) => !schemeFitsKey(scheme, key))!;
    expect(verifyWithScheme(scheme, other.publicKey, content, signature)).toBe(false);
  });
});
