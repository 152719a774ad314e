import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { SoftwareTpm } from "../tpm/software-tpm.js";
import { type AgentEntry, newAgentEntry } from "./agent-entry.js";
import { type IntegrityAnswer, judgeClock, judgeIntegrityAnswer } from "./judge-integrity.js";

const clock = (clockMs: number, resetCount: number, restartCount: number, safe = true) => ({
  clockMs: BigInt(clockMs),
  resetCount,
  restartCount,
  safe,
});

describe("judgeClock", () => {
  const last = clock(100, 2, 3);
  const fault = (data: string) => ({
    ok: false,
    failure: {
      id: "qoute_validation.quote_validation",
      context: `{"message": "Validation of clockinfo from quote using tpm2-tools", "data": "${data}"}`,
    },
  });
  const notLater = fault("clock timestamp did issued by TPM did not increase between two consecutive quotes");

  it.each([
    ["a later clock with the same counts", clock(101, 2, 3)],
    ["a later clock after a reset", clock(101, 3, 3)],
    ["a later clock after a restart", clock(101, 2, 4)],
  ])("takes and keeps %s", (_what, now) => expect(judgeClock(last, now)).toEqual({ ok: true, next: now }));

  it("compares and keeps nothing when both counts have risen", () => {
    expect(judgeClock(last, clock(1, 3, 4))).toEqual({ ok: true, next: last });
  });

  it.each([
    ["the same clock", clock(100, 2, 3), notLater],
    ["an earlier clock after a reset", clock(99, 3, 3), notLater],
    ["fewer resets", clock(101, 1, 4), fault("resetCount value decreased on TPM between two consecutive quotes")],
    ["fewer restarts", clock(101, 3, 0), fault("restartCount value decreased on TPM between two consecutive quotes")],
    ["an unsafe clock", clock(101, 2, 3, false), fault("clock safe flag is disabled")],
  ])("refuses %s", (_what, now, expected) => expect(judgeClock(last, now)).toEqual(expected));

  it("starts from zero", () => {
    expect(judgeClock(undefined, clock(0, 0, 0))).toEqual(notLater);
    expect(judgeClock(undefined, clock(1, 0, 0))).toEqual({ ok: true, next: clock(1, 0, 0) });
  });
});

describe("judgeIntegrityAnswer", () => {
  const nonce = "abcdefghij0123456789";
  const pubkey = "-----BEGIN PUBLIC KEY-----\n";
  let tpm: SoftwareTpm;
  beforeAll(async () => {
    tpm = await SoftwareTpm.create({ ak: "ecc256" });
    tpm.extend(16, createHash("sha256").update(pubkey).digest());
  });

  const entry = (changes: Partial<AgentEntry> = {}) =>
    newAgentEntry({ akTpm: tpm.akPublic.toString("base64"), tpmPolicy: '{"mask": "0x0"}', ...changes });
  const answer = (changes: Partial<IntegrityAnswer> = {}, pcrMask = 0): IntegrityAnswer => ({
    quote: tpm.quote({ nonce, pcrMask: pcrMask | (1 << 16) }),
    hash_alg: "sha256",
    enc_alg: "rsa2048",
    sign_alg: "ecdsa",
    pubkey,
    ima_measurement_list: "",
    ...changes,
  });
  const context = { nonce, lastClock: undefined, mbPolicy: null };
  const events = (agent: AgentEntry, given: IntegrityAnswer, mbPolicy: string | null = null) =>
    judgeIntegrityAnswer(agent, given, { ...context, mbPolicy }).failures.map(({ id }) => id);

  it("finds nothing wrong with a good answer, and says what to keep of it", () => {
    const verdict = judgeIntegrityAnswer(entry(), answer(), context);
    expect(verdict).toEqual({
      failures: [],
      received: true,
      algorithms: { hashAlg: "sha256", encAlg: "rsa2048", signAlg: "ecdsa" },
      publicKey: pubkey,
      publicKeySent: true,
      clock: expect.objectContaining({ resetCount: 1, restartCount: 0, safe: true }),
    });
  });

  it("takes a partial answer when it knows the key, and not before", () => {
    const partial = answer({ pubkey: undefined });
    expect(events(entry({ publicKey: pubkey }), partial)).toEqual([]);
    expect(events(entry(), partial)).toEqual(["qoute_validation.no_pubkey"]);
  });

  it("refuses a key that PCR 16 is not bound to", () => {
    expect(events(entry(), answer({ pubkey: "other" }))).toEqual(["pcr_validation.invalid_pcr_16"]);
  });

  it("refuses a quote without PCR 16", () => {
    const quote = tpm.quote({ nonce, pcrMask: 1 });
    expect(events(entry(), answer({ quote }))).toEqual(["pcr_validation.missing_pcr_16"]);
  });

  it("names all that is wrong with the PCRs, the missing ones last", () => {
    const tpmPolicy = JSON.stringify({ mask: "0x3", "0": ["ff"], "1": ["00".repeat(32)], "2": ["ff"], "5": [] });
    expect(events(entry({ tpmPolicy }), answer({}, 0b111))).toEqual([
      "pcr_validation.invalid_pcr_0",
      "pcr_validation.invalid_pcr_2",
      "pcr_validation.missing_pcrs",
    ]);
  });

  it("refuses what it does not evaluate: IMA entries and boot logs", () => {
    const ima = answer({ ima_measurement_list: "10 0000 ima-ng sha256:00 boot_aggregate\n" }, 1 << 10);
    expect(events(entry(), ima)).toEqual(["ima.not_evaluated"]);
    expect(events(entry(), answer(), '{"scrtm": 1}')).toEqual(["measured_boot.not_evaluated"]);
    expect(events(entry(), answer(), "{}")).toEqual([]);
  });

  it("demands a measurement list when PCR 10 is quoted", () => {
    const none = answer({ ima_measurement_list: undefined }, 1 << 10);
    expect(events(entry(), none)).toEqual(["pcr_validation.unused_pcr_10"]);
  });

  it("takes rsa for rsa2048 and ecc for ecc256, both ways", () => {
    expect(events(entry({ acceptedEncryptionAlgs: ["rsa"] }), answer())).toEqual([]);
    expect(events(entry({ acceptedEncryptionAlgs: ["ecc256"] }), answer({ enc_alg: "ecc" }))).toEqual([]);
    expect(events(entry({ acceptedEncryptionAlgs: ["ecc"] }), answer())).toEqual(["qoute_validation.invalid_enc_alg"]);
  });

  it.each([
    [{ quote: undefined }, "qoute_validation.invalid_data"],
    [{ quote: 7 }, "qoute_validation.invalid_data"],
    [{ hash_alg: undefined }, "qoute_validation.invalid_hash_alg"],
    [{ hash_alg: {} }, "qoute_validation.invalid_hash_alg"],
    [{ sign_alg: null }, "qoute_validation.invalid_sign_alg"],
  ])("refuses %j before it looks at the quote", (changes, event) => {
    const verdict = judgeIntegrityAnswer(entry(), answer(changes as Partial<IntegrityAnswer>), context);
    expect([verdict.received, verdict.failures.map(({ id }) => id)]).toEqual([false, [event]]);
  });

  it("refuses a quote with any part of its signature changed", () => {
    const good = answer().quote as string;
    const [attest, signature, values] = good.split(":") as [string, string, string];
    const bytes = Buffer.from(signature, "base64");
    for (let at = 0; at < bytes.length; at++) {
      const bent = Buffer.from(bytes);
      bent[at]! ^= 0x01;
      const quote = [attest, bent.toString("base64"), values].join(":");
      expect(events(entry(), answer({ quote }))).toEqual(["qoute_validation.quote_validation"]);
    }
  });
});
