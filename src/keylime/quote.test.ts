import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { algorithmIds, type HashName } from "../formats/tpm/algorithms.js";
import { type QuoteAttest, writeQuoteAttest } from "../formats/tpm/attest.js";
import { writePcrBlob } from "../formats/tpm/pcr-blob.js";
import type { PcrSelection } from "../formats/tpm/pcr-selection.js";
import { objectAttributes, type PublicArea, readPublicArea, writePublicArea } from "../formats/tpm/public-area.js";
import { writeSignature } from "../formats/tpm/signature.js";
import { akPublicOf } from "../peers/tpm/key-templates.js";
import { type QuoteToVerify, verifyQuote } from "./quote.js";

const nonce = "1234567890ABCDEFHIJK";
const pcrs = [0, 10, 16];
const keys = {
  rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ecc: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  p384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
};
type KeyKind = keyof typeof keys;

interface Forgery {
  kind?: KeyKind;
  hash?: HashName;
  /** Signs instead of the attestation key. */
  signer?: KeyObject;
  akPublic?: Buffer;
  attest?: Partial<QuoteAttest>;
  /** Changes the attest before it is signed. */
  beforeSigning?: (attest: Buffer) => Buffer;
  /** Hash that the signature is made over and names. */
  signedHash?: HashName;
  values?: Buffer[];
  selections?: PcrSelection[];
  signature?: Buffer;
}

/** A quote that is right in everything but what is asked for; what changes the attest is signed by the real key. */
function forge(forgery: Forgery = {}): QuoteToVerify {
  const { kind = "rsa", hash = "sha256", signedHash = hash } = forgery;
  const values = pcrs.map((pcr) => createHash(hash).update(`pcr ${pcr}`).digest());
  const selections = [{ hashId: algorithmIds[hash], pcrs }];
  const attest = writeQuoteAttest({
    qualifiedSigner: Buffer.concat([Buffer.from([0, 0x0b]), Buffer.alloc(32, 7)]),
    extraData: Buffer.from(nonce),
    clock: { clockMs: 77n, resetCount: 2, restartCount: 0, safe: true },
    firmwareVersion: 0x2019102300163636n,
    selections,
    pcrDigest: createHash(hash).update(Buffer.concat(values)).digest(),
    ...forgery.attest,
  });
  const signed = forgery.beforeSigning?.(attest) ?? attest;
  const blob = writePcrBlob({ selections: forgery.selections ?? selections, values: forgery.values ?? values });
  const signature = forgery.signature ?? signAttest(signed, forgery.signer ?? keys[kind].privateKey, signedHash);
  return {
    quote: quoteText(signed, signature, blob),
    nonce,
    akPublic: forgery.akPublic ?? akPublicOf(keys[kind].publicKey, hash),
    hashAlg: hash,
    allowedHashAlgs: ["sha256", "sha384", "sha512"],
    allowedSignAlgs: ["rsassa", "ecdsa"],
  };
}

function quoteText(...parts: Buffer[]): string {
  return `r${parts.map((part) => part.toString("base64")).join(":")}`;
}

function partsOf(quote: string): Buffer[] {
  return quote
    .slice(1)
    .split(":")
    .map((part) => Buffer.from(part, "base64"));
}

function signAttest(attest: Buffer, key: KeyObject, hash: HashName): Buffer {
  const hashId = algorithmIds[hash];
  if (key.asymmetricKeyType === "rsa") {
    return writeSignature({ scheme: "rsassa", hashId, signature: sign(hash, attest, key) });
  }
  const both = sign(hash, attest, { key, dsaEncoding: "ieee-p1363" });
  const [r, s] = [both.subarray(0, both.length / 2), both.subarray(both.length / 2)];
  return writeSignature({ scheme: "ecdsa", hashId, r, s });
}

function reasonOf(order: QuoteToVerify): string {
  const verdict = verifyQuote(order);
  return verdict.accepted ? "accepted" : verdict.reason;
}

/** The same order with one of the three parts of its quote changed. */
function withPart(order: QuoteToVerify, part: number, change: (bytes: Buffer) => Buffer): QuoteToVerify {
  const parts = partsOf(order.quote);
  parts[part] = change(parts[part]!);
  return { ...order, quote: quoteText(...parts) };
}

const combinations = (["rsa", "ecc", "p384"] as const).flatMap((kind) =>
  (["sha256", "sha384", "sha512"] as const).map((hash) => ({ kind, hash })),
);

describe("verifyQuote accepts", () => {
  it.each(combinations)("a right quote of $kind over $hash, and returns what it says", ({ kind, hash }) => {
    const verdict = verifyQuote(forge({ kind, hash }));
    expect(verdict).toMatchObject({
      accepted: true,
      hashAlg: hash,
      signAlg: kind === "rsa" ? "rsassa" : "ecdsa",
      attest: {
        extraData: Buffer.from(nonce),
        clock: { clockMs: 77n, resetCount: 2, restartCount: 0, safe: true },
        selections: [{ hashId: algorithmIds[hash], pcrs }],
      },
    });
  });

  it("an ECDSA integer without its leading zeros, as some TPMs write it", () => {
    const order = forge({ kind: "ecc" });
    let stripped: Buffer | undefined;
    while (stripped === undefined) {
      const both = sign("sha256", partsOf(order.quote)[0]!, { key: keys.ecc.privateKey, dsaEncoding: "ieee-p1363" });
      if (both[0] === 0) {
        const hashId = algorithmIds.sha256;
        stripped = writeSignature({ scheme: "ecdsa", hashId, r: both.subarray(1, 32), s: both.subarray(32) });
      }
    }
    expect(reasonOf(withPart(order, 1, () => stripped))).toBe("accepted");
  });

  it("an empty selection, as Keylime does", () => {
    const pcrDigest = createHash("sha256").digest();
    const selections = [{ hashId: algorithmIds.sha256, pcrs: [] }];
    expect(reasonOf(forge({ attest: { pcrDigest, selections }, selections, values: [] }))).toBe("accepted");
  });

  it("a quote whose clock is not safe: the clock is judged elsewhere", () => {
    const clock = { clockMs: 0n, resetCount: 0, restartCount: 0, safe: false };
    expect(reasonOf(forge({ attest: { clock } }))).toBe("accepted");
  });
});

describe.each(["rsa", "ecc"] as const)("verifyQuote refuses a quote of %s", (kind) => {
  const order = forge({ kind });

  it.each([0, 1, 2])("with any bit of part %i flipped", (part) => {
    const length = partsOf(order.quote)[part]!.length;
    for (let at = 0; at < length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = withPart(order, part, (bytes) => {
          const copy = Buffer.from(bytes);
          copy[at]! ^= 1 << bit;
          return copy;
        });
        expect([at, bit, reasonOf(changed)]).not.toEqual([at, bit, "accepted"]);
      }
    }
  });

  it.each([0, 1, 2])("with part %i cut anywhere or longer by a byte", (part) => {
    const length = partsOf(order.quote)[part]!.length;
    for (let at = 0; at < length; at++) {
      expect([at, reasonOf(withPart(order, part, (bytes) => bytes.subarray(0, at)))]).not.toEqual([at, "accepted"]);
      expect([at, reasonOf(withPart(order, part, (bytes) => bytes.subarray(at + 1)))]).not.toEqual([at, "accepted"]);
    }
    expect(reasonOf(withPart(order, part, (bytes) => Buffer.concat([bytes, Buffer.alloc(1)])))).not.toBe("accepted");
  });

  it("with any character of its text changed, dropped or doubled", () => {
    for (let at = 0; at < order.quote.length; at++) {
      const before = order.quote.slice(0, at);
      const here = order.quote[at]!;
      const after = order.quote.slice(at + 1);
      for (const put of [here === "A" ? "B" : "A", "", `${here}${here}`, "=", " ", "\n", ":", "-", "é"]) {
        if (put === here) continue;
        const quote = `${before}${put}${after}`;
        // Doubling or dropping one of equal neighbours gives the same text.
        if (quote === order.quote) continue;
        expect([at, put, reasonOf({ ...order, quote })]).not.toEqual([at, put, "accepted"]);
      }
    }
  });

  it("with a byte of any generated value at any place, unless nothing changes", () => {
    const text = order.quote;
    fc.assert(
      fc.property(fc.nat(2), fc.nat(2000), fc.uint8Array({ minLength: 1, maxLength: 8 }), (part, at, put) => {
        const changed = withPart(order, part, (bytes) => {
          const copy = Buffer.from(bytes);
          Buffer.from(put).copy(copy, at % bytes.length);
          return copy;
        });
        expect(changed.quote === text || reasonOf(changed) !== "accepted").toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it("for another nonce, also one that only its base64 would match", () => {
    expect(reasonOf({ ...order, nonce: "1234567890ABCDEFHIJL" })).toBe("nonce-mismatch");
    expect(reasonOf({ ...order, nonce: "" })).toBe("nonce-mismatch");
    expect(reasonOf({ ...order, nonce: Buffer.from(nonce).toString("base64") })).toBe("nonce-mismatch");
    expect(reasonOf(forge({ kind, attest: { extraData: Buffer.alloc(0) } }))).toBe("nonce-mismatch");
  });

  it("by another key", () => {
    const signer = (kind === "rsa" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : keyPairOf("P-256"))
      .privateKey;
    expect(reasonOf(forge({ kind, signer }))).toBe("signature-invalid");
  });

  it("with another magic, type or PCR digest, even when the key signed it", () => {
    const at = (offset: number) => (attest: Buffer) => {
      const copy = Buffer.from(attest);
      copy[offset]! ^= 1;
      return copy;
    };
    expect(reasonOf(forge({ kind, beforeSigning: at(3) }))).toBe("attest-magic");
    expect(reasonOf(forge({ kind, beforeSigning: at(5) }))).toBe("attest-type");
    expect(reasonOf(forge({ kind, attest: { pcrDigest: Buffer.alloc(32) } }))).toBe("pcr-digest");
    expect(reasonOf(forge({ kind, attest: { pcrDigest: Buffer.alloc(0) } }))).toBe("pcr-digest");
    expect(reasonOf(forge({ kind, values: pcrs.map(() => Buffer.alloc(32)) }))).toBe("pcr-digest");
  });

  it("whose attest the key signed with any byte missing or left over", () => {
    const length = partsOf(order.quote)[0]!.length;
    for (let at = 0; at < length; at++) {
      const forged = forge({ kind, beforeSigning: (attest) => attest.subarray(0, at) });
      // No attest at all is an empty part.
      expect([at, reasonOf(forged)]).toEqual([at, at === 0 ? "quote-form" : "attest-form"]);
    }
    const longer = forge({ kind, beforeSigning: (attest) => Buffer.concat([attest, Buffer.alloc(1)]) });
    expect(reasonOf(longer)).toBe("attest-form");
  });

  it("over another algorithm than the agent claims, the key has or is allowed", () => {
    expect(reasonOf({ ...order, hashAlg: "sha384" })).toBe("signature-hash");
    expect(reasonOf({ ...order, hashAlg: "SHA256" })).toBe("signature-hash");
    expect(reasonOf({ ...order, hashAlg: "" })).toBe("signature-hash");
    expect(reasonOf(forge({ kind, signedHash: "sha384" }))).toBe("signature-hash");
    expect(reasonOf(forge({ kind, akPublic: akPublicOf(keys[kind].publicKey, "sha384") }))).toBe("signature-hash");
    expect(reasonOf({ ...order, allowedHashAlgs: ["sha384"] })).toBe("hash-not-allowed");
    expect(reasonOf(forge({ kind, hash: "sha1" }))).toBe("hash-not-allowed");
    expect(reasonOf({ ...order, allowedSignAlgs: [] })).toBe("sign-not-allowed");
  });

  it("that covers another bank, several banks, none, or other PCRs than the values given", () => {
    const sha256 = { hashId: algorithmIds.sha256, pcrs };
    const sha1 = { hashId: algorithmIds.sha1, pcrs };
    expect(reasonOf(forge({ kind, attest: { selections: [sha1] } }))).toBe("pcr-selection");
    expect(reasonOf(forge({ kind, attest: { selections: [sha256, sha1] } }))).toBe("pcr-selection");
    expect(reasonOf(forge({ kind, attest: { selections: [] } }))).toBe("pcr-selection");
    expect(reasonOf(forge({ kind, selections: [sha1] }))).toBe("pcr-selection");
    expect(reasonOf(forge({ kind, selections: [{ ...sha256, pcrs: [0, 10, 17] }] }))).toBe("pcr-selection");
    const noPcrs = [{ ...sha256, pcrs: [] }];
    expect(reasonOf(forge({ kind, selections: noPcrs, values: [] }))).toBe("pcr-selection");
  });

  it("without a signature, or with the null scheme", () => {
    expect(reasonOf(forge({ kind, signature: Buffer.from("0010", "hex") }))).toBe("signature-form");
    expect(reasonOf(forge({ kind, signature: Buffer.alloc(0) }))).toBe("quote-form");
    const [attest, , blob] = order.quote.split(":");
    expect(reasonOf({ ...order, quote: `${attest}::${blob}` })).toBe("quote-form");
    expect(reasonOf({ ...order, quote: `${attest}:${blob}` })).toBe("quote-form");
  });
});

describe("verifyQuote refuses", () => {
  it("a signature of the other key type", () => {
    const rsaByEcc = forge({ signer: keys.ecc.privateKey });
    expect(reasonOf(rsaByEcc)).toBe("signature-scheme");
    expect(reasonOf(forge({ kind: "ecc", signer: keys.rsa.privateKey }))).toBe("signature-scheme");
    expect(reasonOf({ ...forge(), akPublic: akPublicOf(keys.ecc.publicKey, "sha256") })).toBe("signature-scheme");
  });

  it("RSAPSS, which Keylime does not take either", () => {
    const signature = writeSignature({ scheme: "rsapss", hashId: algorithmIds.sha256, signature: Buffer.alloc(256) });
    expect(reasonOf(forge({ signature }))).toBe("signature-scheme");
  });

  it("a signature of another length than the modulus, leading zeros included", () => {
    for (const bytes of [255, 257, 0]) {
      const signature = { scheme: "rsassa", hashId: algorithmIds.sha256, signature: Buffer.alloc(bytes, 1) } as const;
      expect(reasonOf(forge({ signature: writeSignature(signature) }))).toBe("signature-form");
    }
  });

  it("ECDSA integers that are empty, zero or longer than the curve", () => {
    const forged = (r: Buffer, s: Buffer) =>
      reasonOf(
        forge({ kind: "ecc", signature: writeSignature({ scheme: "ecdsa", hashId: algorithmIds.sha256, r, s }) }),
      );
    expect(forged(Buffer.alloc(0), Buffer.alloc(32, 1))).toBe("signature-form");
    expect(forged(Buffer.alloc(33, 1), Buffer.alloc(32, 1))).toBe("signature-form");
    expect(forged(Buffer.alloc(32), Buffer.alloc(32))).toBe("signature-invalid");
    expect(forged(Buffer.alloc(32, 0xff), Buffer.alloc(32, 0xff))).toBe("signature-invalid");
  });

  const change = (attributes: (old: number) => number, kind: KeyKind = "rsa") => {
    const area = readPublicArea(akPublicOf(keys[kind].publicKey, "sha256"));
    return writePublicArea({ ...area, attributes: attributes(area.attributes) });
  };

  it.each(["fixedTpm", "fixedParent", "sensitiveDataOrigin", "restricted", "sign"] as const)(
    "an attestation key that is not %s",
    (name) => {
      expect(reasonOf(forge({ akPublic: change((old) => old & ~objectAttributes[name]) }))).toBe("ak-not-restricted");
    },
  );

  it("an attestation key that also decrypts", () => {
    expect(reasonOf(forge({ akPublic: change((old) => old | objectAttributes.decrypt) }))).toBe("ak-not-restricted");
  });

  it("a weak RSA key", () => {
    const short = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const akPublic = akPublicOf(short.publicKey, "sha256");
    expect(reasonOf(forge({ signer: short.privateKey, akPublic }))).toBe("ak-weak");
    const three = generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 });
    const cubic = akPublicOf(three.publicKey, "sha256");
    expect(reasonOf(forge({ signer: three.privateKey, akPublic: cubic }))).toBe("ak-weak");
  });

  it("a point that is not on its curve", () => {
    const area = readPublicArea(akPublicOf(keys.ecc.publicKey, "sha256")) as PublicArea & { type: "ecc" };
    const akPublic = writePublicArea({ ...area, y: Buffer.alloc(32, 3) });
    expect(reasonOf(forge({ kind: "ecc", akPublic }))).toBe("ak-form");
  });

  it("an attestation key without a scheme: a restricted key always has one", () => {
    const { scheme: _, ...area } = readPublicArea(akPublicOf(keys.rsa.publicKey, "sha256"));
    expect(reasonOf(forge({ akPublic: writePublicArea(area as PublicArea) }))).toBe("signature-scheme");
  });

  it("an attestation key cut anywhere, or longer by a byte", () => {
    for (const kind of ["rsa", "ecc"] as const) {
      const akPublic = akPublicOf(keys[kind].publicKey, "sha256");
      for (let at = 0; at < akPublic.length; at++) {
        expect(reasonOf(forge({ kind, akPublic: akPublic.subarray(0, at) }))).toBe("ak-form");
      }
      expect(reasonOf(forge({ kind, akPublic: Buffer.concat([akPublic, Buffer.alloc(1)]) }))).toBe("ak-form");
    }
  });

  it.each([
    "",
    "r",
    "r::",
    "r:::",
    "rAA==:AA==",
    "rAA==:AA==:AA==:AA==",
    "dAA==:AA==:AA==",
    "rAB==:AA==:AA==",
    `r${"A".repeat(40_000)}`,
    undefined,
    null,
    7,
    {},
  ])("%j, which is no quote", (quote) => {
    expect(reasonOf({ ...forge(), quote: quote as string })).toBe("quote-form");
  });

  it("anything at all without throwing", () => {
    const anything = fc.record({
      quote: fc.oneof(
        fc.string(),
        fc
          .array(fc.uint8Array({ maxLength: 300 }), { minLength: 3, maxLength: 3 })
          .map((parts) => quoteText(...parts.map(Buffer.from))),
        fc.anything(),
      ),
      nonce: fc.oneof(fc.string(), fc.anything()),
      akPublic: fc.oneof(
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        fc.anything(),
      ),
      hashAlg: fc.anything(),
      allowedHashAlgs: fc.anything(),
      allowedSignAlgs: fc.anything(),
    });
    fc.assert(
      fc.property(anything, (order) => {
        expect(verifyQuote(order as unknown as QuoteToVerify).accepted).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it("without ever telling nonce, key or quote", () => {
    const order = forge();
    const secretNonce = randomBytes(10).toString("hex");
    const verdict = verifyQuote({ ...order, nonce: secretNonce });
    expect(verdict).toEqual({
      accepted: false,
      reason: "nonce-mismatch",
      message: "the quote was made for another nonce than the one it was asked with",
    });
  });
});

function keyPairOf(namedCurve: string) {
  return generateKeyPairSync("ec", { namedCurve });
}
