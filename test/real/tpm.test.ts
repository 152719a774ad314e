import { createHash, generateKeyPairSync, type KeyObject, randomBytes, randomInt, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { algorithmIds, type HashName } from "../../src/formats/tpm/algorithms.js";
import { writeQuoteAttest } from "../../src/formats/tpm/attest.js";
import { writePcrBlob } from "../../src/formats/tpm/pcr-blob.js";
import { keyName } from "../../src/formats/tpm/public-area.js";
import { writeSignature } from "../../src/formats/tpm/signature.js";
import { verifyQuote } from "../../src/keylime/quote.js";
import { akPublicOf } from "../../src/peers/tpm/key-templates.js";
import { makeCredential } from "../../src/peers/tpm/make-credential.js";
import { SoftwareTpm, type TpmKeyKind } from "../../src/peers/tpm/software-tpm.js";
import { type Child, startChild } from "../support/child.js";
import { runChecked, runCommand } from "../support/run-command.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";
import { describeWithPeers, peersDirectory } from "./support/peers.js";

const nonce = "1234567890ABCDEFHIJK";
const kinds: TpmKeyKind[] = ["rsa2048", "ecc256"];

interface QuoteJob {
  quote: string;
  nonce: string;
  akPublic: Buffer;
  hash: HashName;
  pubkey?: string;
}

async function askKeylime<T>(jobs: readonly object[]): Promise<T[]> {
  const python = join(peersDirectory(), "keylime-7.14.3", "bin", "python");
  const oracle = new URL("tpm-oracle.py", import.meta.url).pathname;
  return JSON.parse(await runChecked(python, [oracle], { input: JSON.stringify(jobs), timeoutMs: 120_000 }));
}

function keylimeAccepts(quotes: readonly QuoteJob[]): Promise<boolean[]> {
  return askKeylime(
    quotes.map(({ akPublic, ...quote }) => ({ do: "accepts", ak: akPublic.toString("base64"), ...quote })),
  );
}

function weAccept(job: QuoteJob): boolean {
  const allowedHashAlgs = ["sha1", "sha256", "sha384", "sha512"];
  return verifyQuote({ ...job, hashAlg: job.hash, allowedHashAlgs, allowedSignAlgs: ["rsassa", "ecdsa"] }).accepted;
}

describeWithPeers(["keylime_verifier"], "Keylime 7.14.3's own functions", () => {
  it("accept the software TPM's quotes, also with PCR 16 and the measurement list judged", async () => {
    const pubkey = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    const right: QuoteJob[] = [];
    for (const kind of kinds) {
      for (const hash of ["sha256", "sha384", "sha512"] as const) {
        const tpm = await SoftwareTpm.create({ ek: kind, ak: kind, akHash: hash });
        tpm.extend(16, createHash(hash).update(pubkey).digest());
        const masks = [0x10000, 0x10400, 0x1ffff, 0xffffff];
        const quotes = masks.map((pcrMask) => tpm.quote({ nonce, pcrMask }));
        right.push(...quotes.map((quote) => ({ quote, nonce, akPublic: tpm.akPublic, hash, pubkey })));
      }
    }
    const forged = right.flatMap((job) => [
      { ...job, nonce: "x" },
      { ...job, pubkey: "other" },
      { ...job, hash: "sha1" as const },
    ]);
    const expected = [...right.map(() => true), ...forged.map(() => false)];
    expect(await keylimeAccepts([...right, ...forged])).toEqual(expected);
    expect(right.map(weAccept)).toEqual(right.map(() => true));
  });

  it("make credentials that the software TPM activates, for RSA and ECC keys of both kinds", async () => {
    const tpms = await Promise.all(kinds.flatMap((ek) => kinds.map((ak) => SoftwareTpm.create({ ek, ak }))));
    const order = (tpm: SoftwareTpm) => ({ ek: tpm.ekPublic.toString("base64"), ak: tpm.akPublic.toString("base64") });
    const jobs = tpms.map((tpm) => ({ do: "credential", ...order(tpm) }));
    const challenges = await askKeylime<{ blob: string; key: string }>(jobs);
    const secrets = challenges.map(({ blob }, index) => tpms[index]!.activateCredential(Buffer.from(blob, "base64")));
    expect(secrets.map((secret) => secret.toString("base64"))).toEqual(challenges.map(({ key }) => key));
  });

  it("find nothing wrong with the clock over reboots and restarts", async () => {
    await using folder = await temporaryDirectory();
    const tpm = await SoftwareTpm.create({ ek: "ecc256", ak: "ecc256" });
    const quotes = [1, 2].map(() => tpm.quote({ nonce, pcrMask: 0 }));
    tpm.reboot();
    quotes.push(tpm.quote({ nonce, pcrMask: 0 }));
    await tpm.save(folder.file("tpm.json"));
    quotes.push((await SoftwareTpm.load(folder.file("tpm.json"))).quote({ nonce, pcrMask: 0 }));
    const [none, repeated] = await askKeylime<unknown[]>([
      { do: "clocks", quotes },
      { do: "clocks", quotes: [quotes[1], quotes[0]] },
    ]);
    expect(none).toEqual([null, null, null, null]);
    expect(repeated).toEqual([null, expect.anything()]);
  });

  it("accept every generated quote that verifyQuote accepts", async () => {
    const generated = Array.from({ length: 600 }, generateQuote);
    const ours = generated.map(weAccept);
    const keylimes = await keylimeAccepts(generated);
    expect(generated.filter((_, index) => ours[index] && !keylimes[index])).toEqual([]);
    // Both answers occur often, so that the comparison means something.
    expect(ours.filter((accepted) => accepted).length).toBeGreaterThan(100);
    expect(keylimes.filter((accepted) => !accepted).length).toBeGreaterThan(100);
  });
});

const keys = {
  rsassa: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ecdsa: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  p384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
};

function oneOf<T>(values: readonly T[]): T {
  return values[randomInt(values.length)]!;
}

/** A correctly signed quote of random content, in about half of the cases with something wrong in content or bytes. */
function generateQuote(): QuoteJob {
  const hash = oneOf(["sha1", "sha256", "sha384", "sha512"] as const);
  const key = keys[oneOf(["rsassa", "ecdsa", "p384"] as const)];
  const pcrs = Array.from({ length: 24 }, (_, pcr) => pcr).filter(() => randomInt(3) === 0);
  const bank = oneOf([hash, hash, hash, "sha256"] as const);
  const values = pcrs.map(() =>
    randomBytes(oneOf([createHash(hash).digest().length, createHash(hash).digest().length, 7])),
  );
  const selection = { hashId: algorithmIds[bank], pcrs };
  const selections = oneOf([[selection], [selection], [selection], [selection, { hashId: 4, pcrs: [] }], []]);
  const extraData = Buffer.from(
    oneOf([nonce, nonce, nonce, nonce, "other", Buffer.from(nonce, "base64").toString("latin1")]),
  );
  const attest = writeQuoteAttest({
    qualifiedSigner: randomBytes(oneOf([34, 34, 0, 50])),
    extraData,
    clock: { clockMs: randomBytes(8).readBigUInt64BE(), resetCount: 1, restartCount: 0, safe: true },
    firmwareVersion: randomBytes(8).readBigUInt64BE(),
    selections,
    pcrDigest: createHash(hash).update(Buffer.concat(values)).digest(),
  });
  const blob = writePcrBlob({ selections: oneOf([selections, [selection]]), values });
  const parts = [attest, signAttest(attest, key.privateKey, hash), blob];
  if (randomInt(3) === 0) mutate(parts);
  const quote = `r${parts.map((part) => part.toString("base64")).join(":")}`;
  return { quote, nonce, akPublic: akPublicOf(key.publicKey, hash), hash };
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

/** Changes, cuts or lengthens one part somewhere; small offsets are as likely as large ones. */
function mutate(parts: Buffer[]): void {
  const part = randomInt(3);
  const bytes = Buffer.from(parts[part]!);
  const at = randomInt(Math.min(bytes.length, oneOf([8, 160, bytes.length])));
  bytes[at] = oneOf([0, 1, 3, 0xff, randomInt(256)]);
  parts[part] = oneOf([bytes, bytes, bytes.subarray(0, at), Buffer.concat([bytes, randomBytes(1)])]);
}

const tools = ["swtpm", "tpm2_quote"];

async function missingTools(): Promise<string[]> {
  const found = await Promise.all(tools.map((tool) => runCommand("which", [tool])));
  return tools.filter((_, index) => found[index]!.code !== 0);
}

const missing = await missingTools();
if (missing.length > 0) process.stderr.write(`skipped "swtpm and tpm2-tools": ${missing.join(", ")} not on PATH\n`);

describe.skipIf(missing.length > 0 && process.env.REQUIRE_REAL_PEERS !== "1")("swtpm and tpm2-tools", () => {
  let folder: TemporaryDirectory;
  let swtpm: Child;
  const ak = { rsa: ["rsa", "rsassa"], ecc: ["ecc", "ecdsa"] } as const;

  const run = (command: string, ...args: string[]) =>
    runChecked(command, args, { cwd: folder.path, env: { TPM2TOOLS_TCTI: `swtpm:path=${folder.file("s")}` } });
  const read = (name: string) => readFile(folder.file(name));

  beforeAll(async () => {
    folder = await temporaryDirectory();
    const sockets = [
      "--ctrl",
      `type=unixio,path=${folder.file("s.ctrl")}`,
      "--server",
      `type=unixio,path=${folder.file("s")}`,
    ];
    const args = ["socket", "--tpm2", "--tpmstate", `dir=${folder.path}`, "--flags", "not-need-init,startup-clear"];
    swtpm = await startChild({ command: "swtpm", args: [...args, ...sockets] });
    await until(() => run("tpm2_getcap", "properties-fixed"), {
      what: "swtpm",
      timeoutMs: 20_000,
      evidence: () => swtpm.output(),
    });
    for (const [name, [algorithm, scheme]] of Object.entries(ak)) {
      await run("tpm2_createek", "-c", `ek-${name}.ctx`, "-G", algorithm, "-u", `ek-${name}.pub`);
      const key = ["-c", `ak-${name}.ctx`, "-u", `ak-${name}.pub`, "-n", `ak-${name}.name`];
      await run("tpm2_createak", "-C", `ek-${name}.ctx`, "-G", algorithm, "-g", "sha256", "-s", scheme, ...key);
      await run("tpm2_flushcontext", "-t");
    }
  });

  afterAll(async () => {
    await swtpm.stop();
    await folder[Symbol.asyncDispose]();
  });

  const names = Object.keys(ak) as (keyof typeof ak)[];

  it.each(names)("make a quote that verifyQuote accepts, and no other (%s)", async (name) => {
    const hexNonce = Buffer.from(nonce).toString("hex");
    const files = ["-m", "q.msg", "-s", "q.sig", "-o", "q.pcrs"];
    await run("tpm2_pcrextend", "7:sha256=".padEnd(73, "7"));
    const selection = "sha256:0,1,2,3,4,5,6,7,10,16,17,23";
    await run("tpm2_quote", "-c", `ak-${name}.ctx`, "-l", selection, "-g", "sha256", "-q", hexNonce, ...files);
    await run("tpm2_flushcontext", "-t");
    const parts = await Promise.all(["q.msg", "q.sig", "q.pcrs"].map(read));
    const akPublic = await read(`ak-${name}.pub`);
    const quote = `r${parts.map((part) => part.toString("base64")).join(":")}`;
    const order = {
      quote,
      nonce,
      akPublic,
      hashAlg: "sha256",
      allowedHashAlgs: ["sha256"],
      allowedSignAlgs: ["rsassa", "ecdsa"],
    };
    expect(verifyQuote(order)).toMatchObject({ accepted: true, attest: { extraData: Buffer.from(nonce) } });
    expect(verifyQuote({ ...order, nonce: "other" })).toMatchObject({ accepted: false, reason: "nonce-mismatch" });
    expect(keyName(akPublic)).toEqual(await read(`ak-${name}.name`));
  });

  it.each(kinds)("accept the software TPM's quote, and refuse it for another nonce (%s)", async (kind) => {
    const tpm = await SoftwareTpm.create({ ek: kind, ak: kind });
    const parts = tpm.quote({ nonce, pcrMask: 0x1ffff }).slice(1).split(":");
    for (const [index, name] of ["o.msg", "o.sig", "o.pcrs"].entries()) {
      await folder.write(name, Buffer.from(parts[index]!, "base64"));
    }
    await folder.write("o.pem", tpm.akPublicKey.export({ type: "spki", format: "pem" }));
    const check = (hexNonce: string) =>
      run(
        "tpm2_checkquote",
        "-u",
        "o.pem",
        "-m",
        "o.msg",
        "-s",
        "o.sig",
        "-f",
        "o.pcrs",
        "-g",
        "sha256",
        "-q",
        hexNonce,
      );
    await expect(check(Buffer.from(nonce).toString("hex"))).resolves.toContain("sha256");
    await expect(check("00")).rejects.toThrow();
  });

  it.each(names)("activate our credential (%s)", async (name) => {
    const secret = randomBytes(16).toString("hex");
    const akName = await read(`ak-${name}.name`);
    const ekPublic = await read(`ek-${name}.pub`);
    await folder.write("blob", makeCredential({ ekPublic, akName, secret: Buffer.from(secret) }));
    await run("tpm2_startauthsession", "--policy-session", "-S", "session.ctx");
    await run("tpm2_policysecret", "-S", "session.ctx", "-c", "e");
    const keysOf = ["-c", `ak-${name}.ctx`, "-C", `ek-${name}.ctx`, "-P", "session:session.ctx"];
    await run("tpm2_activatecredential", ...keysOf, "-i", "blob", "-o", "secret");
    await run("tpm2_flushcontext", "session.ctx");
    await run("tpm2_flushcontext", "-t");
    expect((await read("secret")).toString()).toBe(secret);
  });

  it.each(kinds)("make a credential that the software TPM activates (%s)", async (kind) => {
    const tpm = await SoftwareTpm.create({ ek: kind, ak: "ecc256" });
    await folder.write("our-ek.pub", tpm.ekPublic);
    await folder.write("our-secret", "a secret");
    const name = tpm.akName.toString("hex");
    await run("tpm2_makecredential", "-T", "none", "-u", "our-ek.pub", "-s", "our-secret", "-n", name, "-o", "theirs");
    expect(tpm.activateCredential(await read("theirs")).toString()).toBe("a secret");
  });
});
