import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Problem } from "../../core/problem.js";
import { algorithmText, hashNameOf, signatureSchemeOf } from "./algorithms.js";
import { readQuoteAttest, writeQuoteAttest } from "./attest.js";
import { readCredentialFile, writeCredentialFile } from "./credential.js";
import { kdfa, kdfe } from "./kdf.js";
import { readPcrBlob, writePcrBlob } from "./pcr-blob.js";
import { keyName, readPublicArea, writePublicArea } from "./public-area.js";
import { keyMaterialOf, publicKeyOf } from "./public-key.js";
import { readSignature, writeSignature } from "./signature.js";

/** Captured from tpm2-tools 5.4 on swtpm: a quote of PCRs 0 to 7, 10 and 16 for the nonce `1234`. */
const captured = {
  attest: Buffer.from(
    "ff54434780180022000ba107ab72bfecda556f0723c599742d2590463255727685ad6925c3037103d89c0004313233340000000000000894" +
      "000000010000000001201910230016363600000001000b03ff040100207b6436b0c98f62380866d9432c2af0ee08ce16a171bda6951aecd95e" +
      "e1307d61",
    "hex",
  ),
};

const eccAk = writePublicArea({
  type: "ecc",
  nameHash: "sha256",
  attributes: 0x00050072,
  authPolicy: Buffer.alloc(0),
  scheme: { schemeId: 0x0018, hashId: 0x000b },
  curve: "P-256",
  // The base point of P-256.
  x: Buffer.from("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296", "hex"),
  y: Buffer.from("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5", "hex"),
});

const rsaEk = writePublicArea({
  type: "rsa",
  nameHash: "sha384",
  attributes: 0x000300f2,
  authPolicy: Buffer.alloc(48, 5),
  symmetric: { algorithmId: 0x0006, keyBits: 256, modeId: 0x0043 },
  keyBits: 3072,
  exponent: 65_537,
  modulus: Buffer.alloc(384, 0xc5),
});

const twoBanks = writePcrBlob({
  selections: [
    { hashId: 0x0004, pcrs: [0, 23] },
    { hashId: 0x000b, pcrs: [1, 2, 3, 4, 5, 6, 7, 8] },
  ],
  values: [
    ...[1, 2].map((fill) => Buffer.alloc(20, fill)),
    ...[3, 4, 5, 6, 7, 8, 9, 10].map((fill) => Buffer.alloc(32, fill)),
  ],
});

const structures: [name: string, bytes: Buffer, read: (bytes: Buffer) => unknown, again: (bytes: Buffer) => Buffer][] =
  [
    ["TPMS_ATTEST", captured.attest, readQuoteAttest, (bytes) => writeQuoteAttest(readQuoteAttest(bytes))],
    ["TPM2B_PUBLIC of ECC", eccAk, readPublicArea, (bytes) => writePublicArea(readPublicArea(bytes))],
    ["TPM2B_PUBLIC of RSA", rsaEk, readPublicArea, (bytes) => writePublicArea(readPublicArea(bytes))],
    [
      "TPMT_SIGNATURE of RSA",
      writeSignature({ scheme: "rsassa", hashId: 0x000b, signature: Buffer.alloc(256, 9) }),
      readSignature,
      (bytes) => writeSignature(readSignature(bytes)),
    ],
    [
      "TPMT_SIGNATURE of ECC",
      writeSignature({ scheme: "ecdsa", hashId: 0x000c, r: Buffer.alloc(32, 1), s: Buffer.alloc(31, 2) }),
      readSignature,
      (bytes) => writeSignature(readSignature(bytes)),
    ],
    ["PCR blob", twoBanks, readPcrBlob, (bytes) => writePcrBlob(readPcrBlob(bytes))],
    [
      "credential file",
      writeCredentialFile({ idObject: Buffer.alloc(68, 1), encryptedSeed: Buffer.alloc(256, 2) }),
      readCredentialFile,
      (bytes) => writeCredentialFile(readCredentialFile(bytes)),
    ],
  ];

function problemOf(read: () => unknown): unknown {
  try {
    read();
    return "accepted";
  } catch (error) {
    return error instanceof Problem ? "refused" : error;
  }
}

describe.each(structures)("%s", (_name, bytes, read, again) => {
  it("comes back byte for byte", () => expect(again(bytes)).toEqual(bytes));

  it("is refused when cut anywhere or longer by a byte", () => {
    const cuts = Array.from(bytes, (_, at) => problemOf(() => read(bytes.subarray(0, at))));
    expect(new Set(cuts)).toEqual(new Set(["refused"]));
    expect(problemOf(() => read(Buffer.concat([bytes, Buffer.alloc(1)])))).toBe("refused");
  });

  it("is refused, or read as exactly what it says, with any byte changed", () => {
    const wrong: unknown[] = [];
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0, 1, 3, 0x7f, 0x80, 0xff]) {
        const changed = Buffer.from(bytes);
        changed[at] = value;
        let written: Buffer | undefined;
        const outcome = problemOf(() => (written = again(changed)));
        if (outcome !== "refused" && !written?.equals(changed)) wrong.push({ at, value, outcome });
      }
    }
    expect(wrong).toEqual([]);
  });

  it("never makes anything but a Problem of arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (random) => {
        expect(["accepted", "refused"]).toContain(problemOf(() => read(Buffer.from(random))));
      }),
    );
  });
});

describe("a captured quote", () => {
  it("reads as swtpm meant it", () => {
    expect(readQuoteAttest(captured.attest)).toEqual({
      qualifiedSigner: Buffer.from("000ba107ab72bfecda556f0723c599742d2590463255727685ad6925c3037103d89c", "hex"),
      extraData: Buffer.from("1234"),
      clock: { clockMs: 0x894n, resetCount: 1, restartCount: 0, safe: true },
      firmwareVersion: 0x2019102300163636n,
      selections: [{ hashId: 0x000b, pcrs: [0, 1, 2, 3, 4, 5, 6, 7, 10, 16] }],
      pcrDigest: Buffer.from("7b6436b0c98f62380866d9432c2af0ee08ce16a171bda6951aecd95ee1307d61", "hex"),
    });
  });

  it("is refused by name with another magic or type", () => {
    const code = (at: number) => {
      const changed = Buffer.from(captured.attest);
      changed[at]! ^= 1;
      try {
        return readQuoteAttest(changed);
      } catch (error) {
        return (error as Problem).code;
      }
    };
    expect([0, 3, 4, 5].map(code)).toEqual([
      "tpm-attest-magic",
      "tpm-attest-magic",
      "tpm-attest-type",
      "tpm-attest-type",
    ]);
  });
});

describe("a public area", () => {
  it("becomes a key and its numbers again", () => {
    for (const bytes of [eccAk, rsaEk]) {
      const area = readPublicArea(bytes);
      expect(area).toMatchObject(keyMaterialOf(publicKeyOf(area)));
    }
  });

  it("is named with its own name algorithm", () => {
    expect(keyName(eccAk).subarray(0, 2).toString("hex")).toBe("000b");
    expect([keyName(rsaEk).subarray(0, 2).toString("hex"), keyName(rsaEk).length]).toEqual(["000c", 50]);
  });
});

describe("key derivation", () => {
  // What crypt_kdfa and crypt_kdfe of keylime/tpm/tpm_util.py (7.14.3) give.
  it("gives KDFa's and KDFe's values", () => {
    const key = Buffer.alloc(32, 1);
    expect(kdfa("sha256", key, "STORAGE", Buffer.from("name"), 128).toString("hex")).toBe(
      "c6a5da3d36d113b543dcd4ab180b1df7",
    );
    expect(kdfa("sha384", key, "INTEGRITY", Buffer.alloc(0), 768).toString("hex")).toBe(
      "67f3783af22aebf08551aef90d9276aec88d7e017175d37287359cd44a21b472ea6b2d048f9577dce054c8bc4a38ac1defb3a6d171f1ef7e02582f29c72b0f0e3c9bab14a808d7fd9e74cc41a26ddf91e359fb0365859427971ba554be35d1e3",
    );
    const [u, v] = [Buffer.alloc(32, 2), Buffer.alloc(32, 3)];
    expect(kdfe("sha256", key, "IDENTITY", u, v, 256).toString("hex")).toBe(
      "2073a3306eedcfb178183d8a721f949bba9c3d4501b6c2839487bbdd3b973070",
    );
  });
});

describe("algorithm names", () => {
  it("cover what Keylime names, and show numbers in hex otherwise", () => {
    expect([0x0004, 0x000b, 0x000c, 0x000d, 0x0012].map(hashNameOf)).toEqual([
      "sha1",
      "sha256",
      "sha384",
      "sha512",
      undefined,
    ]);
    expect([0x0014, 0x0016, 0x0018, 0x0010].map(signatureSchemeOf)).toEqual(["rsassa", "rsapss", "ecdsa", undefined]);
    expect([algorithmText(0x001c), algorithmText(0x1234)]).toEqual(["ecschnorr", "0x1234"]);
  });
});
