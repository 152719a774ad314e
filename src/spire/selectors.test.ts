import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type NodeFacts, selectorsOf } from "./selectors.js";
import { selectorNames } from "./settings.js";

const facts: NodeFacts = {
  uuid: "u-1",
  verifierId: "default",
  hashAlg: "sha256",
  encAlg: "rsa",
  signAlg: "rsassa",
  runtimePolicy: true,
  mbPolicy: false,
  attestationMode: "pull",
  agentMtls: true,
  ekCertSha256: "AB".repeat(32),
  meta: { zone: "b", rack: 12, "no.de": "x:y z" },
};

describe("selectorsOf", () => {
  it("emits all of them in a fixed order", () => {
    expect(selectorsOf(facts)).toEqual({
      values: [
        "uuid:u-1",
        "verifier_id:default",
        "hash_alg:sha256",
        "enc_alg:rsa",
        "sign_alg:rsassa",
        "runtime_policy:present",
        "mb_policy:absent",
        "attestation_mode:pull",
        "agent_mtls:true",
        `ek_cert:sha256:${"ab".repeat(32)}`,
        "meta:no.de:x:y z",
        "meta:rack:12",
        "meta:zone:b",
      ],
      leftOut: [],
    });
  });

  it("emits only those that are wanted, in the same order", () => {
    expect(selectorsOf(facts, ["meta", "uuid", "uuid"]).values).toEqual([
      "uuid:u-1",
      "meta:no.de:x:y z",
      "meta:rack:12",
      "meta:zone:b",
    ]);
    expect(selectorsOf(facts, [])).toEqual({ values: [], leftOut: [] });
  });

  it("emits nothing for what is unknown", () => {
    expect(selectorsOf({ uuid: "u", verifierId: null, runtimePolicy: null, agentMtls: null, meta: null })).toEqual({
      values: ["uuid:u"],
      leftOut: [],
    });
  });

  it.each([
    [{ a: "" }, "meta:a", "it is empty"],
    [{ a: " " }, "meta:a", "it is empty"],
    [{ a: null }, "meta:a", "it is neither a string nor a number"],
    [{ a: true }, "meta:a", "it is neither a string nor a number"],
    [{ a: { b: 1 } }, "meta:a", "it is neither a string nor a number"],
    [{ a: Number.NaN }, "meta:a", "it is neither a string nor a number"],
    [{ a: "x\ny" }, "meta:a", "it has characters that do not print"],
    [{ a: "x\u202Ey" }, "meta:a", "it has characters that do not print"],
    [{ a: "x\u00A0y" }, "meta:a", "it has characters that do not print"],
    [{ a: "x".repeat(249) }, "meta:a", "it is longer than 255 characters"],
    [{ "a:b": "c" }, "meta:a:b", "its key holds a colon"],
    [{ "a\n": "c" }, "meta:a?", "it has characters that do not print"],
    [{ "": "c" }, "meta:", "it is empty"],
  ])("leaves %j out and says why", (meta, name, reason) => {
    expect(selectorsOf({ uuid: "u", meta }, ["meta"])).toEqual({ values: [], leftOut: [{ name, reason }] });
  });

  it("takes a value that just fits", () => {
    expect(selectorsOf({ uuid: "u", meta: { a: "x".repeat(248) } }, ["meta"]).values[0]).toHaveLength(255);
  });

  it("stops at a hundred keys of metadata", () => {
    const meta = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`k${i}`, i]));
    const { values, leftOut } = selectorsOf({ uuid: "u", meta }, ["meta"]);
    expect([values.length, leftOut]).toEqual([
      100,
      [{ name: "meta", reason: "there are more than 100 keys of metadata" }],
    ]);
  });

  it("emits printable values of at most 255 characters, none twice and the same every time, whatever the metadata", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: "binary" }), fc.anything()),
        fc.string({ unit: "binary" }),
        (meta, uuid) => {
          const { values } = selectorsOf({ uuid, meta });
          for (const value of values) expect(value).toMatch(/^[^\p{C}]{3,255}$/u);
          expect(new Set(values).size).toBe(values.length);
          const shuffled = Object.fromEntries(Object.entries(meta).reverse());
          expect(selectorsOf({ uuid, meta: shuffled }, [...selectorNames].reverse()).values).toEqual(values);
        },
      ),
    );
  });
});
