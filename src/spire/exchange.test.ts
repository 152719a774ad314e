import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Problem } from "../core/problem.js";
import {
  encodeChallenge,
  encodeChallengeResponse,
  encodePayload,
  maxMessageBytes,
  newNonce,
  readChallenge,
  readChallengeResponse,
  readPayload,
} from "./exchange.js";

const text = (value: unknown) => Buffer.from(JSON.stringify(value));

describe("exchange", () => {
  it("writes the bytes of the Go pair", () => {
    expect(encodePayload({ agentId: "d432fbb3", hashAlg: "sha256" }).toString()).toBe(
      '{"AgentID":"ZDQzMmZiYjM=","HashAlg":"c2hhMjU2"}',
    );
    expect(encodeChallenge("ABC").toString()).toBe('{"Nonce":"QUJD"}');
    expect(encodeChallengeResponse("rAA==:BB:CC").toString()).toBe('{"TPMQuote":"ckFBPT06QkI6Q0M="}');
  });

  it("reads back what it wrote", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (value) => {
        expect(readPayload(encodePayload({ agentId: value, hashAlg: value }))).toEqual({
          agentId: value,
          hashAlg: value,
        });
        expect(readChallenge(encodeChallenge(value))).toBe(value);
        expect(readChallengeResponse(encodeChallengeResponse(value))).toBe(value);
      }),
    );
  });

  it("takes key names in any case and ignores others, as Go does", () => {
    expect(readPayload(text({ agentid: "YQ==", HASHALG: "Yg==", more: { x: 1 } }))).toEqual({
      agentId: "a",
      hashAlg: "b",
    });
  });

  it.each([
    ["nothing", Buffer.alloc(0), "it is not JSON"],
    ["cut JSON", Buffer.from('{"AgentID":"YQ=='), "it is not JSON"],
    ["bytes that are not UTF-8", Buffer.from([0x22, 0xff, 0x22]), "it is not JSON"],
    ["an array", text([]), "it is no JSON object"],
    ["null", text(null), "it is no JSON object"],
    ["no agent id", text({ HashAlg: "YQ==" }), "AgentID is missing"],
    ["a null agent id", text({ AgentID: null, HashAlg: "YQ==" }), "AgentID is missing"],
    ["a number", text({ AgentID: 1, HashAlg: "YQ==" }), "AgentID is number, expected base64 text"],
    ["text that is not base64", text({ AgentID: "a b", HashAlg: "YQ==" }), "AgentID is not base64"],
    ["base64 of bytes that are not UTF-8", text({ AgentID: "/w==", HashAlg: "YQ==" }), "AgentID is not UTF-8"],
    [
      "an oversized message",
      Buffer.alloc(maxMessageBytes + 1, 0x20),
      "it is 65537 bytes long, more than the 65536 allowed",
    ],
  ])("refuses %s", (_, bytes, why) => {
    expect(() => readPayload(bytes)).toThrow(
      new Problem("malformed-message", `cannot read the attestation payload: ${why}`, { culprit: "peer" }),
    );
  });

  it("survives any bytes with one kind of error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const read of [readPayload, readChallenge, readChallengeResponse]) {
          try {
            read(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(Problem);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("makes nonces a Keylime agent takes, never twice the same", () => {
    const nonces = Array.from({ length: 500 }, newNonce);
    expect(new Set(nonces).size).toBe(500);
    expect(nonces.every((nonce) => /^[A-Z2-7]{32}$/.test(nonce))).toBe(true);
  });
});
