import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SoftwareTpm } from "../peers/tpm/software-tpm.js";
import { MessageReader, plain } from "./message.js";

const message = (fields: Record<string, string>) =>
  Buffer.from(
    JSON.stringify(
      Object.fromEntries(Object.entries(fields).map(([key, text]) => [key, Buffer.from(text).toString("base64")])),
    ),
  );

describe("MessageReader", () => {
  it("tells a quote's algorithms, PCRs and nonce, and neither nonce nor quote", async () => {
    const tpm = await SoftwareTpm.create();
    const quote = tpm.quote({ nonce: "N0NCE", pcrMask: 0x10000 });
    const reader = new MessageReader();
    expect(reader.read("challenge", message({ Nonce: "N0NCE" }))).toEqual({ nonce_length: 5 });
    const facts = reader.read("challenge_response", message({ TPMQuote: quote }));
    expect(facts).toMatchObject({
      quote_length: quote.length,
      sign_alg: "rsassa",
      sign_hash: "sha256",
      pcrs: ["sha256:16"],
      pcr_digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      nonce_matches: true,
    });
    expect(JSON.stringify(facts)).not.toContain("N0NCE");
    expect(new MessageReader().read("challenge_response", message({ TPMQuote: quote }))).toMatchObject({
      nonce_matches: false,
    });
  });

  it("takes keys in any case, and names the others", () => {
    const bytes = message({ agentid: "a", HASHALG: "sha384", Extra: "x" });
    expect(new MessageReader().read("payload", bytes)).toEqual({
      agent_id: "a",
      hash_alg: "sha384",
      other_keys: ["Extra"],
    });
  });

  it("says so when a message has another form", () => {
    expect(new MessageReader().read("payload", Buffer.from("binary"))).toEqual({
      form: "6 bytes of another form than Keylime's exchange",
    });
  });

  it("answers every cut of a quote and any bytes at all", async () => {
    const quote = (await SoftwareTpm.create()).quote({ nonce: "n", pcrMask: 0x10000 });
    const reader = new MessageReader();
    for (let end = 0; end < quote.length; end++)
      reader.read("challenge_response", message({ TPMQuote: quote.slice(0, end) }));
    fc.assert(
      fc.property(fc.constantFrom("payload", "challenge", "challenge_response"), fc.uint8Array(), (step, bytes) => {
        expect(reader.read(step, bytes)).toBeTypeOf("object");
      }),
    );
  });
});

describe("plain", () => {
  it("keeps readable text and makes harmless what could move a cursor or forge a line", () => {
    expect([
      plain("é – ok"),
      plain("a\nb"),
      plain("\u001b[2J"),
      plain("\u202e"),
      plain("x".repeat(300)).length,
    ]).toEqual(["é – ok", '"a\\nb"', '"\\u001b[2J"', '"?"', 201]);
  });
});
