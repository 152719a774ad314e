import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCorruptKey, type Forgery, forgeQuote } from "../../../test/fakes/forged-quote.js";
import { type KeylimeWorld, startKeylimeWorld } from "../../../test/fakes/keylime-world.js";
import { type MisbehavingServer, startMisbehavingServer } from "../../../test/fakes/misbehaving-server.js";
import { goodVerifierEntry, registrarScript, verifierScript } from "../../../test/fakes/scripted-keylime.js";
import { type DrivenServerHalf, driveServerHalf, refusalOf } from "../../../test/fakes/server-half-driver.js";

const key = createCorruptKey();
let world: KeylimeWorld;
let verifier: MisbehavingServer;
let registrar: MisbehavingServer;
let driven: DrivenServerHalf;
/** What the verifier says of the next quote. */
let verdict: Record<string, unknown> = { valid: 1 };
let registrarEntry: Record<string, unknown> = {};
let verifierEntry = goodVerifierEntry();

beforeAll(async () => {
  world = await startKeylimeWorld({ enrolled: false });
  const tls = (own: { chainPem: string; keyPem: string }) => ({ cert: own.chainPem, key: own.keyPem });
  verifier = await startMisbehavingServer({
    tls: tls(world.pki.verifier),
    onRequest: (...request) => verifierScript({ verdict, entry: verifierEntry })(...request),
  });
  registrar = await startMisbehavingServer({
    tls: tls(world.pki.registrar),
    onRequest: (...request) => registrarScript(key, registrarEntry)(...request),
  });
  driven = await driveServerHalf(world, dataFor());
});
afterAll(async () => {
  driven[Symbol.dispose]();
  await verifier[Symbol.asyncDispose]();
  await registrar[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

function dataFor(changes: Parameters<KeylimeWorld["serverData"]>[0] = {}): string {
  return world.serverData({
    keylime_verifier_port: String(verifier.port),
    keylime_registrar_port: String(registrar.port),
    ...changes,
  });
}

const attest = (forgery: Forgery = {}) => driven.attest({ quote: (nonce) => forgeQuote(key, nonce, forgery) });
const flipped = (at: number) => (bytes: Buffer) => {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 0x01;
  return copy;
};

describe("a verifier that says yes to everything", () => {
  it("and a right quote admit the node", async () => {
    expect((await attest()).spiffeId).toBe(`spiffe://example.org/spire/agent/keylime/${world.agentId}`);
  });

  it("and a right quote give a selector for all that the services know of the node", async () => {
    const ekCert = Buffer.from("any DER");
    registrarEntry = { ekcert: ekCert.toString("base64"), mtls_cert: world.pki.agent.certPem };
    const metadata = { zone: "a", level: 3, spare: true, "a:b": "c" };
    verifierEntry = goodVerifierEntry({
      has_runtime_policy: 1,
      has_mb_refstate: 1,
      verifier_id: "north",
      meta_data: JSON.stringify(metadata),
    });
    const { selectorValues } = await attest();
    registrarEntry = {};
    verifierEntry = goodVerifierEntry();
    expect(selectorValues).toEqual([
      `uuid:${world.agentId}`,
      "verifier_id:north",
      "hash_alg:sha256",
      "enc_alg:ecc256",
      "sign_alg:ecdsa",
      "runtime_policy:present",
      "mb_policy:present",
      "attestation_mode:pull",
      "agent_mtls:true",
      `ek_cert:sha256:${createHash("sha256").update(ekCert).digest("hex")}`,
      "meta:level:3",
      "meta:zone:a",
    ]);
    const leftOut = driven.logs.filter(({ message }) => message === "Selector left out");
    expect(leftOut.map(({ level, fields }) => `${level} ${fields.selector}: ${fields.reason}`)).toEqual([
      "warn meta:a:b: its key holds a colon",
      "warn meta:spare: it is neither a string nor a number",
    ]);
  });

  it.each<[string, Forgery, string]>([
    ["for another nonce", { attest: { extraData: Buffer.from("A".repeat(32)) } }, "nonce-mismatch"],
    ["for no nonce", { attest: { extraData: Buffer.alloc(0) } }, "nonce-mismatch"],
    ["with another PCR digest", { attest: { pcrDigest: Buffer.alloc(32) } }, "pcr-digest"],
    ["with another magic", { beforeSigning: flipped(3) }, "attest-magic"],
    ["with another type", { beforeSigning: flipped(5) }, "attest-type"],
    ["with another algorithm than claimed", { hash: "sha384" }, "signature-hash"],
    ["without signature", { part: [1, () => Buffer.alloc(0)] }, "quote-form"],
    ["with a null signature", { part: [1, () => Buffer.from("0010", "hex")] }, "signature-form"],
    ["without PCR values", { part: [2, () => Buffer.alloc(0)] }, "quote-form"],
    ["without attest", { part: [0, () => Buffer.alloc(0)] }, "quote-form"],
  ])("does not get a quote admitted %s", async (_name, forgery, reason) => {
    const asked = verifier.requests.length;
    expect(await refusalOf(attest(forgery), world)).toMatch(
      new RegExp(
        `^PERMISSION_DENIED the TPM quote of agent UUID was refused: .* \\(${reason}\\) \\[quote-refused\\](;|$)`,
      ),
    );
    // The plugin itself refused: the verifier was asked for the standing only.
    expect(verifier.requests.slice(asked).filter((each) => each.includes("verify/identity"))).toEqual([]);
  });

  it.each([0, 1, 2] as const)("does not get a quote admitted with any byte of part %i flipped", async (index) => {
    const length = Buffer.from(forgeQuote(key, "N").slice(1).split(":")[index]!, "base64").length;
    const places = Array.from({ length }, (_, at) => at).filter((at) => index < 2 || at % 8 === 0);
    await inParallel(places, async (at) => {
      const text = await refusalOf(attest({ part: [index, flipped(at)] }), world);
      expect([at, text]).toEqual([at, expect.stringMatching(/^PERMISSION_DENIED .* \[quote-refused\](;|$)/)]);
    });
  });

  it("does not get a quote admitted that is cut anywhere", async () => {
    const { length } = forgeQuote(key, "A".repeat(32));
    const places = Array.from({ length: Math.floor(length / 7) }, (_, step) => step * 7 + 1);
    await inParallel(places, async (at) => {
      const cut = driven.attest({ quote: (nonce) => forgeQuote(key, nonce).slice(0, at) });
      expect([at, await refusalOf(cut, world)]).toEqual([
        at,
        expect.stringMatching(/^PERMISSION_DENIED .*quote-refused/),
      ]);
    });
  });

  it("does not get a quote admitted that another machine's key signed", async () => {
    const stranger = createCorruptKey();
    const forged = driven.attest({ quote: (nonce) => forgeQuote(stranger, nonce) });
    expect(await refusalOf(forged, world)).toBe(
      "PERMISSION_DENIED the TPM quote of agent UUID was refused: the attestation key did not sign this quote (signature-invalid) [quote-refused]; restart its Keylime agent, so that the registrar has its present key",
    );
  });

  it("does not get a quote of sha384 admitted where only sha256 is allowed", async () => {
    using strict = await driveServerHalf(world, dataFor({ allowed_hash_algs: ["sha256"] }));
    const asked = strict.attest({ hashAlg: "sha384", quote: (nonce) => forgeQuote(key, nonce, { hash: "sha384" }) });
    expect(await refusalOf(asked, world)).toMatch(
      /^PERMISSION_DENIED .*expected sha256, found "sha384" \[hash-alg-not-allowed\]; /,
    );
  });

  it("does not get a quote of ECDSA admitted where only RSA is allowed", async () => {
    using strict = await driveServerHalf(world, dataFor({ allowed_sign_algs: ["rsassa"] }));
    expect(await refusalOf(strict.attest({ quote: (nonce) => forgeQuote(key, nonce) }), world)).toMatch(
      /^PERMISSION_DENIED .*allowed are rsassa \(sign-not-allowed\) \[quote-refused\]; extend allowed_sign_algs, or /,
    );
  });

  it("does not get the entry of another machine's attestation key used", async () => {
    registrarEntry = { agent_id: "somebody-else" };
    expect(await refusalOf(attest(), world)).toMatch(
      /^UNAVAILABLE .*it is about agent "somebody-else".* \[bad-answer\]$/,
    );
    registrarEntry = { aik_tpm: "" };
    expect(await refusalOf(attest(), world)).toMatch(/^UNAVAILABLE .*aik_tpm is missing.* \[bad-answer\]$/);
    registrarEntry = {};
  });

  it("never brings nonce, quote or key into a status or a log line", async () => {
    const secrets: string[] = [];
    const keep = (nonce: string, quote: string) => {
      secrets.push(nonce, quote, encodeURIComponent(quote), ...quote.slice(1).split(":"));
      return quote;
    };
    const texts: string[] = [];
    const echo = (text: string) => ({ valid: 0, reason: text });
    for (const say of [
      (nonce: string, quote: string) => `{"message":"${nonce}","error":"${quote}"}`,
      (nonce: string, quote: string) => `GET ?nonce=${nonce}&quote=${encodeURIComponent(quote)}`,
      (_nonce: string, quote: string) => quote.slice(1).split(":").join(" "),
      (nonce: string, quote: string) => `${" ".repeat(65_520)}${nonce}${quote}`,
    ]) {
      const forged = driven.attest({
        quote: (nonce) => {
          const quote = keep(nonce, forgeQuote(key, nonce));
          verdict = echo(say(nonce, quote));
          return quote;
        },
      });
      texts.push(await refusalOf(forged, world));
    }
    verdict = { valid: 1 };
    texts.push(JSON.stringify(driven.logs));
    for (const text of texts) {
      for (const secret of secrets) expect(text).not.toContain(secret.slice(0, 12));
    }
  });
});

describe("a verifier that says no", () => {
  it.each<[string, Record<string, unknown>, string]>([
    [
      "with its reason",
      { valid: 0, reason: '{"message":"Quote data validation","error":"no such nonce"}' },
      "PERMISSION_DENIED the TPM quote of agent UUID was refused: the Keylime verifier said Quote data validation: no such nonce [quote-refused]; look at the verifier's log for this agent",
    ],
    [
      "without a reason",
      { valid: false },
      "PERMISSION_DENIED the TPM quote of agent UUID was refused: the Keylime verifier gave no reason [quote-refused]; look at the verifier's log for this agent",
    ],
    [
      "in words that are no verdict",
      { valid: "yes" },
      "UNAVAILABLE cannot have the quote of agent UUID checked: the Keylime verifier sent an answer that makes no sense: field valid is neither true nor false (GET https://127.0.0.1:PORT/v2.6/verify/identity) [bad-answer]",
    ],
    [
      "with nothing",
      {},
      "UNAVAILABLE cannot have the quote of agent UUID checked: the Keylime verifier sent an answer that makes no sense: field valid is neither true nor false (GET https://127.0.0.1:PORT/v2.6/verify/identity) [bad-answer]",
    ],
  ])("%s is not overruled by a right quote", async (_name, said, refusal) => {
    verdict = said;
    expect(await refusalOf(attest(), world)).toBe(refusal);
    verdict = { valid: 1 };
  });
});

describe("a machine that fails while its quote is made", () => {
  /** The standing is asked for, and then the machine fails; the quote comes so much later. */
  const attestLate = async (lateMs: number) => {
    let nowMs = Date.now();
    using slow = await driveServerHalf(world, dataFor(), { nowMs: () => nowMs });
    const asked = verifier.requests.length + registrar.requests.length;
    const late = slow.attest({
      quote: async (nonce) => {
        // Version and entry, at both services.
        while (verifier.requests.length + registrar.requests.length < asked + 4) await setImmediate();
        verifierEntry = goodVerifierEntry({ operational_state: 9, attestation_status: "FAIL" });
        nowMs += lateMs;
        return forgeQuote(key, nonce);
      },
    });
    return await late.finally(() => {
      verifierEntry = goodVerifierEntry();
    });
  };

  it("is refused when the quote comes late: the standing is asked for anew", async () => {
    expect(await refusalOf(attestLate(3001), world)).toMatch(
      /^PERMISSION_DENIED agent UUID is in state 9 \(Invalid Quote\) at the verifier: its quote was refused /,
    );
  });

  it("is admitted on the standing of three seconds ago", async () => {
    expect((await attestLate(2999)).spiffeId).toContain(world.agentId);
  });
});

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: 6 }, worker));
}
