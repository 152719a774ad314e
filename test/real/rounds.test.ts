import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeSignature } from "../../src/formats/tpm/signature.js";
import { SoftwareTpm } from "../../src/peers/tpm/software-tpm.js";
import { StatusCode, StatusError } from "../../src/plugin-sdk/index.js";
import type { RunningHalf } from "../../src/rehearse/half.js";
import { encodeChallengeResponse, encodePayload, readChallenge } from "../../src/spire/exchange.js";
import { until } from "../support/until.js";
import { verifierAgent } from "./support/enrol.js";
import { attest, type HostedPair, type Machine, startHostedPair } from "./support/hosted-pair.js";
import { describeWithPeers } from "./support/peers.js";

const identityMask = 1 << 16;

describeWithPeers(["keylime_verifier", "keylime_registrar"], "quotes of the software TPM at a real verifier", () => {
  let pair: HostedPair;
  let server: RunningHalf;
  beforeAll(async () => {
    pair = await startHostedPair();
    server = await pair.startServerHalf();
  });
  afterAll(() => pair?.[Symbol.asyncDispose]());

  const spiffeIdOf = ({ agentId }: Machine) => `spiffe://example.org/spire/agent/keylime/${agentId}`;

  const failedPolls = () => pair.keylime.logs().split(" refused after ").length;

  /** Waits for more rounds of PASS; the node attests to SPIRE all the while. Returns how often it did. */
  async function passRounds(machine: Machine, rounds: number): Promise<number> {
    const start = await verifierAgent(pair.keylime, machine.agentId);
    let admissions = 0;
    await until(
      async () => {
        expect(await attest(server, machine)).toEqual({ spiffeId: spiffeIdOf(machine) });
        admissions++;
        const agent = await verifierAgent(pair.keylime, machine.agentId);
        expect(agent).toMatchObject({ attestation_status: "PASS", severity_level: null, last_event_id: null });
        expect([3, 5]).toContain(agent.operational_state);
        return agent.attestation_count >= start.attestation_count + rounds;
      },
      { what: `${rounds} more rounds`, timeoutMs: 45_000, intervalMs: 250, evidence: () => pair.keylime.logs() },
    );
    return admissions;
  }

  it.each([
    ["RSA", "rsa2048"],
    ["ECC", "ecc256"],
  ] as const)(
    "pass round after round with %s keys, identity quotes in between, over restart and reboot",
    async (_, keys) => {
      const machine = await pair.startMachine({ keys });
      expect(await passRounds(machine, 5)).toBeGreaterThan(4);

      // The agent comes back with another payload key, which the verifier asks for after a poll that failed.
      const failed = failedPolls();
      await machine.agent.stop();
      await until(() => failedPolls() > failed, { what: "the verifier to miss the agent" });
      const state = pair.dir.file(`tpm-${keys}.json`);
      await machine.tpm.save(state);
      machine.tpm = await SoftwareTpm.load(state);
      await machine.wake();
      await machine.agent.register();
      await passRounds(machine, 3);

      machine.tpm.reboot();
      await passRounds(machine, 3);
    },
  );

  describe.each(["rsa2048", "ecc256"] as const)("forged with %s keys", (keys) => {
    let machine: Machine;
    let forger: Forger;
    beforeAll(async () => {
      machine = await pair.startMachine({ keys });
      forger = await Forger.of(machine, await pair.startMachine({ keys }), pair.dir.file(`forger-${keys}.json`));
    });

    const answerTo = (forge: Forge, hashAlg?: string) =>
      answerOf(server, machine.agentId, (nonce) => forge(forger, nonce), hashAlg);
    const identityRequests = () => pair.keylime.logs().split("/verify/identity").length - 1;

    it.each(forgeries)("are refused by the plugin itself: %s", async (_, forge, why) => {
      const before = identityRequests();
      const answer = await answerTo(forge);
      expect(answer).toMatch(/^PERMISSION_DENIED the TPM quote of agent \S+ was refused: .* \[quote-refused\]/);
      expect(answer).toContain(`(${why})`);
      // The verifier was not even asked, and the same node with a true quote is admitted.
      expect(identityRequests()).toBe(before);
      expect(await attest(server, machine)).toEqual({ spiffeId: spiffeIdOf(machine) });
      await until(() => identityRequests() === before + 1, { what: "the verifier's log" });
    });

    it("are refused by the plugin itself: changed or cut anywhere", async () => {
      const before = identityRequests();
      for (const part of [0, 1, 2]) {
        const { length } = forger.parts("nonce")[part]!;
        for (let at = 0; at < length; at += 16) {
          const flipped = await answerTo(changed(part, (bytes) => flip(bytes, at)));
          expect([part, at, flipped]).toEqual([part, at, expect.stringContaining("[quote-refused]")]);
          const cut = await answerTo(changed(part, (bytes) => bytes.subarray(0, at)));
          expect([part, at, cut]).toEqual([part, at, expect.stringContaining("[quote-refused]")]);
        }
      }
      expect(identityRequests()).toBe(before);
    });

    it("are refused by the plugin itself: for a hash that the quote does not use, or that is not allowed", async () => {
      const honest: Forge = ({ tpm }, nonce) => tpm.quote({ nonce, pcrMask: identityMask });
      expect(await answerTo(honest, "sha384")).toMatch(/^PERMISSION_DENIED .*\(signature-hash\) \[quote-refused\]/);
      expect(await answerTo(honest, "sha1")).toMatch(/^PERMISSION_DENIED .* \[hash-alg-not-allowed\]/);
      expect(await answerTo(honest)).toBe(`OK ${spiffeIdOf(machine)}`);
    });

    it("are refused by the plugin even where the verifier accepts them: made for the nonce's base64 decoding", async () => {
      const forge: Forge = ({ tpm }, nonce) =>
        tpm.quote({ nonce: Buffer.from(nonce, "base64"), pcrMask: identityMask });
      expect(await answerTo(forge)).toMatch(/^PERMISSION_DENIED .*\(nonce-mismatch\) \[quote-refused\]/);
      const nonce = "0123456789abcdefghij";
      const query = new URLSearchParams({
        agent_uuid: machine.agentId,
        quote: forge(forger, nonce),
        nonce,
        hash_alg: "sha256",
      });
      const verdict = await pair.keylime.askVerifier(`/v2.6/verify/identity?${query}`);
      expect(verdict.json).toMatchObject({ code: 200, results: { valid: 1 } });
    });
  });
});

/** Makes a quote for a nonce. */
type Forge = (forger: Forger, nonce: string) => string;

/** The kind of forgery, how it is made, and the plugin's own word for it. */
const forgeries: [string, Forge, string][] = [
  ["another nonce", ({ tpm }, nonce) => tpm.quote({ nonce: `${nonce}A`, pcrMask: identityMask }), "nonce-mismatch"],
  ["no nonce", ({ tpm }) => tpm.quote({ nonce: "", pcrMask: identityMask }), "nonce-mismatch"],
  ["another machine's key", ({ other }, nonce) => other.quote({ nonce, pcrMask: identityMask }), "signature-invalid"],
  [
    "another magic that the key signed",
    (forger, nonce) => forger.signed(nonce, (attest) => flip(attest, 3)),
    "attest-magic",
  ],
  [
    "another type that the key signed",
    (forger, nonce) => forger.signed(nonce, (attest) => flip(attest, 5)),
    "attest-type",
  ],
  [
    "another PCR digest that the key signed",
    (forger, nonce) => forger.signed(nonce, (attest) => flip(attest, attest.length - 1)),
    "pcr-digest",
  ],
  [
    "the PCR values of another quote",
    ({ tpm }, nonce) => {
      const quote = tpm.quote({ nonce, pcrMask: 1 << 23 });
      tpm.extend(23, Buffer.alloc(32, 1));
      const values = tpm.quote({ nonce, pcrMask: 1 << 23 }).split(":")[2]!;
      tpm.resetPcr(23);
      return [...quote.split(":").slice(0, 2), values].join(":");
    },
    "pcr-digest",
  ],
  ["another signature hash", changed(1, (signature) => flip(signature, 3)), "signature-hash"],
  ["the null signature", changed(1, () => Buffer.from("0010", "hex")), "signature-form"],
  ["no signature", changed(1, () => Buffer.alloc(0)), "quote-form"],
  [
    "a word behind the attest",
    (forger, nonce) => forger.signed(nonce, (attest) => Buffer.concat([attest, attest.subarray(0, 4)])),
    "attest-form",
  ],
];

function changed(part: number, change: (bytes: Buffer) => Buffer): Forge {
  return (forger, nonce) =>
    quoteText(forger.parts(nonce).map((bytes, index) => (index === part ? change(bytes) : bytes)));
}

/** Whoever has the machine's TPM, another machine's, and even the attestation key outside of any TPM. */
class Forger {
  private constructor(
    readonly tpm: SoftwareTpm,
    readonly other: SoftwareTpm,
    private readonly key: KeyObject,
  ) {}

  static async of({ tpm }: Machine, { tpm: other }: Machine, stateFile: string): Promise<Forger> {
    await tpm.save(stateFile);
    const { akPrivatePem } = JSON.parse(await readFile(stateFile, "utf8")) as { akPrivatePem: string };
    return new Forger(tpm, other, createPrivateKey(akPrivatePem));
  }

  /** Attest, signature and PCR values of a true quote. */
  parts(nonce: string): Buffer[] {
    const quote = this.tpm.quote({ nonce, pcrMask: identityMask });
    return quote
      .slice(1)
      .split(":")
      .map((part) => Buffer.from(part, "base64"));
  }

  /** A changed attest under a signature that fits it. */
  signed(nonce: string, change: (attest: Buffer) => Buffer): string {
    const [attest, signature, values] = this.parts(nonce);
    const changedAttest = change(attest!);
    return quoteText([changedAttest, this.signature(changedAttest, signature!.readUInt16BE(2)), values!]);
  }

  private signature(attest: Buffer, hashId: number): Buffer {
    const bytes = sign("sha256", attest, { key: this.key, dsaEncoding: "ieee-p1363" });
    if (this.key.asymmetricKeyType === "rsa") return writeSignature({ scheme: "rsassa", hashId, signature: bytes });
    return writeSignature({ scheme: "ecdsa", hashId, r: bytes.subarray(0, 32), s: bytes.subarray(32) });
  }
}

/** One attestation of an agent half that answers the challenge as the test likes; the code and the message, or the id. */
async function answerOf(
  server: RunningHalf,
  agentId: string,
  quoteFor: (nonce: string) => string,
  hashAlg = "sha256",
): Promise<string> {
  const stream = server.plugin.attestServer({ timeoutMs: 30_000 });
  try {
    await stream.send({ payload: encodePayload({ agentId, hashAlg }) });
    const challenge = (await stream.receive())?.challenge;
    await stream.send({ challengeResponse: encodeChallengeResponse(quoteFor(readChallenge(challenge!))) });
    return `OK ${(await stream.receive())?.agentAttributes?.spiffeId}`;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return `${StatusCode[error.code]} ${error.message}`;
  } finally {
    stream.cancel();
  }
}

function flip(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1;
  return copy;
}

function quoteText(parts: Buffer[]): string {
  return `r${parts.map((part) => part.toString("base64")).join(":")}`;
}
