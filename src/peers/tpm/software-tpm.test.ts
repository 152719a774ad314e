import { createHash } from "node:crypto";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Problem } from "../../core/problem.js";
import { readQuoteAttest } from "../../formats/tpm/attest.js";
import { readPcrBlob } from "../../formats/tpm/pcr-blob.js";
import { authTag, makeCredential } from "./make-credential.js";
import { SoftwareTpm, type TpmKeyKind } from "./software-tpm.js";

const kinds: TpmKeyKind[] = ["rsa2048", "ecc256"];
const secret = Buffer.from("A23456789012345678901234567890zZ");
const nonce = "1234567890ABCDEFHIJK";

/** A clock that tests set. */
const clock = { unixMs: 1_700_000_000_000, nowMs: () => clock.unixMs };

const tpms = {} as Record<TpmKeyKind, SoftwareTpm>;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "software-tpm-"));
  for (const kind of kinds) tpms[kind] = await SoftwareTpm.create({ ek: kind, ak: kind, clock });
});

afterAll(() => rm(folder, { recursive: true }));

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as Problem).code;
  }
}

function attestOf(quote: string) {
  return readQuoteAttest(Buffer.from(quote.slice(1).split(":")[0]!, "base64"));
}

describe("public areas", () => {
  it.each([
    [
      "rsa2048",
      316,
      282,
      "013a0001000b000300b20020837197674484b3f8",
      "01180001000b00050072000000100014000b0800000000000100",
    ],
    ["ecc256", 124, 90, "007a0023000b000300b20020837197674484b3f8", "00580023000b00050072000000100018000b000300100020"],
  ] as const)("have the templates' bytes for %s", (kind, ekBytes, akBytes, ekStart, akStart) => {
    const { ekPublic, akPublic, akName } = tpms[kind];
    expect([ekPublic.length, akPublic.length]).toEqual([ekBytes, akBytes]);
    expect(ekPublic.toString("hex").startsWith(ekStart)).toBe(true);
    expect(akPublic.toString("hex").startsWith(akStart)).toBe(true);
    const digest = createHash("sha256").update(akPublic.subarray(2)).digest("hex");
    expect(akName.toString("hex")).toBe(`000b${digest}`);
  });
});

describe.each(kinds)("credentials for an endorsement key of %s", (kind) => {
  const blobOf = () => makeCredential({ ekPublic: tpms[kind].ekPublic, akName: tpms[kind].akName, secret });

  it("are activated by the TPM they were made for", () => {
    expect(blobOf().length).toBe(kind === "rsa2048" ? 336 : 148);
    expect(tpms[kind].activateCredential(blobOf())).toEqual(secret);
  });

  it("are refused for another name and by another TPM", async () => {
    const foreign = await SoftwareTpm.create({ ek: kind, ak: "ecc256" });
    expect(codeOf(() => tpms[kind].activateCredential(blobOf(), foreign.akName))).toBe("tpm-credential");
    expect(codeOf(() => foreign.activateCredential(blobOf(), tpms[kind].akName))).toBe("tpm-credential");
  });

  it("are refused when cut or changed anywhere", () => {
    const blob = blobOf();
    for (let at = 0; at < blob.length; at++) {
      expect(codeOf(() => tpms[kind].activateCredential(blob.subarray(0, at)))).toMatch(/^tpm-(form|credential)$/);
      const changed = Buffer.from(blob);
      changed[at]! ^= 1 << (at % 8);
      expect(codeOf(() => tpms[kind].activateCredential(changed))).toMatch(/^tpm-(form|credential)$/);
    }
  });
});

describe("makeCredential", () => {
  it("refuses a key that is no storage key", () => {
    const { akPublic, akName } = tpms.ecc256;
    expect(codeOf(() => makeCredential({ ekPublic: akPublic, akName, secret }))).toBe("tpm-public");
  });
});

describe("authTag", () => {
  it("is keyed with the base64 text", () => {
    // printf %s <id> | openssl dgst -sha384 -hmac "$(printf %s <secret> | base64)"
    const expected = "8fd442ab9190ed3edeb18ed58f536ae5909f2842351e3703009613e18a157649429f135028dc3cd22ff52a9d66542f35";
    expect(authTag("d432fbb3-d2f1-4a97-9ef7-75bd81c00000", secret.toString("base64"))).toBe(expected);
  });
});

describe("PCRs", () => {
  it("start at zero, but 17 to 22 at ones", () => {
    const { readPcr } = tpms.ecc256;
    const starts = Array.from({ length: 24 }, (_, pcr) => readPcr.call(tpms.ecc256, pcr, "sha1").toString("hex"));
    expect(new Set([...starts.slice(0, 17), starts[23]])).toEqual(new Set(["00".repeat(20)]));
    expect(new Set(starts.slice(17, 23))).toEqual(new Set(["ff".repeat(20)]));
  });

  it("are extended with the bank's digest and only 16 and 23 can be reset", async () => {
    const tpm = await SoftwareTpm.create({ ek: "ecc256", ak: "ecc256" });
    const digest = createHash("sha384").update("x").digest();
    tpm.extend(16, digest, "sha384");
    const extended = createHash("sha384")
      .update(Buffer.concat([Buffer.alloc(48), digest]))
      .digest();
    expect(tpm.readPcr(16, "sha384")).toEqual(extended);
    expect(tpm.readPcr(16, "sha256")).toEqual(Buffer.alloc(32));
    tpm.resetPcr(16);
    expect(tpm.readPcr(16, "sha384")).toEqual(Buffer.alloc(48));
    expect(codeOf(() => tpm.resetPcr(10))).toBe("tpm-pcr");
    expect(codeOf(() => tpm.extend(16, digest, "sha256"))).toBe("tpm-pcr");
    expect(codeOf(() => tpm.extend(24, digest, "sha384"))).toBe("tpm-pcr");
  });
});

describe("quotes", () => {
  it("have the sizes and fields of a real TPM's", () => {
    const parts = tpms.rsa2048
      .quote({ nonce, pcrMask: 0x10000 })
      .slice(1)
      .split(":")
      .map((part) => Buffer.from(part, "base64"));
    expect(parts.map((part) => part.length)).toEqual([133, 262, 668]);
    expect(readPcrBlob(parts[2]!)).toEqual({
      selections: [{ hashId: 0x000b, pcrs: [16] }],
      values: [Buffer.alloc(32)],
    });
    const attest = readQuoteAttest(parts[0]!);
    expect(attest.extraData.toString()).toBe(nonce);
    expect(attest.selections).toEqual([{ hashId: 0x000b, pcrs: [16] }]);
    expect(attest.pcrDigest).toEqual(createHash("sha256").update(Buffer.alloc(32)).digest());
  });

  it("take a second and a third block of values beyond eight PCRs", () => {
    const blob = tpms.ecc256.quote({ nonce, pcrMask: 0x1ffff }).split(":")[2]!;
    expect(Buffer.from(blob, "base64").length).toBe(1732);
  });

  it("never repeat a clock value, also within one millisecond", () => {
    const [first, second] = [1, 2].map(() => attestOf(tpms.ecc256.quote({ nonce, pcrMask: 0 })).clock);
    expect(second!.clockMs).toBeGreaterThan(first!.clockMs);
    expect(first!.clockMs).toBeGreaterThan(0n);
  });

  it.each([
    { nonce: "x".repeat(65), pcrMask: 0 },
    { nonce, pcrMask: 1 << 24 },
    { nonce, pcrMask: -1 },
    { nonce, pcrMask: 0.5 },
  ])("are refused for %o", (order) => {
    expect(codeOf(() => tpms.ecc256.quote(order))).toBe("tpm-quote");
  });
});

describe("state", () => {
  it("comes back from its file, with a clock that went on", async () => {
    const file = join(folder, "tpm.json");
    const tpm = tpms.ecc256;
    tpm.ekCertificate = Buffer.from([1, 2, 3]);
    tpm.extend(7, Buffer.alloc(32, 1));
    const before = attestOf(tpm.quote({ nonce, pcrMask: 0x80 }));
    await tpm.save(file);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    clock.unixMs += 5_000;
    const again = await SoftwareTpm.load(file, clock);
    const after = attestOf(again.quote({ nonce, pcrMask: 0x80 }));
    expect(after.clock.clockMs - before.clock.clockMs).toBeGreaterThanOrEqual(4_990n);
    expect({ ...after, clock: { ...after.clock, clockMs: 0n } }).toEqual({
      ...before,
      clock: { ...before.clock, clockMs: 0n },
    });
    expect([again.akPublic, again.ekPublic, again.ekCertificate]).toEqual([
      tpm.akPublic,
      tpm.ekPublic,
      tpm.ekCertificate,
    ]);
  });

  it("keeps the clock rising when the machine's clock is set back", async () => {
    const file = join(folder, "back.json");
    const before = attestOf(tpms.rsa2048.quote({ nonce, pcrMask: 0 })).clock.clockMs;
    await tpms.rsa2048.save(file);
    const again = await SoftwareTpm.load(file, { nowMs: () => 0 });
    expect(attestOf(again.quote({ nonce, pcrMask: 0 })).clock.clockMs).toBeGreaterThan(before);
  });

  it("loses its PCRs and counts a reset at a reboot", async () => {
    const tpm = await SoftwareTpm.create({ ek: "ecc256", ak: "ecc256" });
    tpm.extend(0, Buffer.alloc(32, 1));
    const before = attestOf(tpm.quote({ nonce, pcrMask: 1 })).clock;
    tpm.reboot();
    const after = attestOf(tpm.quote({ nonce, pcrMask: 1 })).clock;
    expect(tpm.readPcr(0)).toEqual(Buffer.alloc(32));
    expect([after.resetCount, after.restartCount]).toEqual([before.resetCount + 1, 0]);
    expect(after.clockMs).toBeGreaterThan(before.clockMs);
  });

  it.each(["", "{}", "[]", '{"format":"spire-keylime software tpm 1","ekPrivatePem":"secret"}'])(
    "is refused when the file holds %j, without quoting it",
    async (text) => {
      const file = join(folder, "bad.json");
      await writeFile(file, text);
      const expected = {
        code: "tpm-state",
        message: `cannot load the software TPM's state "${file}": it is no such state`,
      };
      await expect(SoftwareTpm.load(file)).rejects.toMatchObject(expected);
    },
  );
});
