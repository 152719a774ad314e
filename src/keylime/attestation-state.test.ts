import { describe, expect, it } from "vitest";
import { attestationAgeLimitMs, judgeState, type StateQuestion, stateText } from "./attestation-state.js";
import type { VerifierAgent } from "./types.js";

const nowMs = 1_800_000_000_000;

const good: VerifierAgent = {
  agentId: "a1",
  operationalState: 3,
  attestationStatus: "PASS",
  attestationPeriodMs: 2000,
  maximumAttestationIntervalMs: 10_000,
  attestationCount: 12,
  lastReceivedQuoteMs: nowMs - 3000,
  lastSuccessfulAttestationMs: nowMs - 3000,
  severityLevel: undefined,
  lastEventId: undefined,
  mode: "pull",
  ip: "127.0.0.1",
  port: 9002,
  hasRuntimePolicy: false,
  hasMeasuredBootPolicy: false,
  metadata: {},
  tpmPolicy: undefined,
  acceptedHashAlgs: [],
  acceptedEncryptionAlgs: [],
  acceptedSigningAlgs: [],
  hashAlg: "sha256",
  encAlg: "rsa2048",
  signAlg: "rsassa",
  verifierId: "default",
  verifierIp: "127.0.0.1",
  verifierPort: 8881,
};

function judge(change: Partial<VerifierAgent>, question: Partial<StateQuestion> = {}): string {
  const verdict = judgeState({ ...good, ...change }, { verifierNowMs: nowMs, maxAgeMs: "auto", ...question });
  return verdict.admitted ? "admitted" : `${verdict.code} ${verdict.fault}: ${verdict.message}`;
}

const states = [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 3.5, Number.NaN];
const statuses = [undefined, "PASS", "FAIL", "PENDING", "TIMEOUT", "pass", ""];

describe("judgeState", () => {
  it("admits every good state with a proven, recent success, whatever else the entry keeps from the past", () => {
    for (const operationalState of [3, 4, 5, 6]) {
      for (const attestationStatus of ["PASS", undefined]) {
        expect(judge({ operationalState, attestationStatus, severityLevel: 5, lastEventId: "old.event" })).toBe(
          "admitted",
        );
      }
    }
  });

  it("admits exactly state 3 to 6 with PASS or no status, of all states and statuses", () => {
    const admitted = states.flatMap((operationalState) =>
      statuses
        .filter((attestationStatus) => judge({ operationalState, attestationStatus }) === "admitted")
        .map((status) => `${operationalState} ${status}`),
    );
    expect(admitted).toEqual([3, 4, 5, 6].flatMap((state) => [`${state} undefined`, `${state} PASS`]));
  });

  it("refuses for good only state 9", () => {
    const final = states.filter((operationalState) => judge({ operationalState }).startsWith("permission-denied"));
    expect(final).toEqual([9]);
  });

  it.each<[Partial<VerifierAgent>, string]>([
    [
      { operationalState: 0 },
      "failed-precondition agent-state-unproven: agent a1 is in state 0 (Registered) at the verifier: no quote has been verified yet",
    ],
    [
      { operationalState: 1 },
      "failed-precondition agent-state-unproven: agent a1 is in state 1 (Start) at the verifier: no quote has been verified yet",
    ],
    [
      { operationalState: 2 },
      "failed-precondition agent-state-unproven: agent a1 is in state 2 (Saved) at the verifier: no quote has been verified yet",
    ],
    [
      { operationalState: 7 },
      "failed-precondition agent-failed: agent a1 is in state 7 (Failed) at the verifier: its attestation has stopped",
    ],
    [
      { operationalState: 7, lastEventId: "internal.verifier.not_reachable" },
      "failed-precondition agent-failed: agent a1 is in state 7 (Failed) at the verifier: its attestation has stopped (last event internal.verifier.not_reachable)",
    ],
    [
      { operationalState: 8 },
      "failed-precondition agent-failed: agent a1 is in state 8 (Terminated) at the verifier: its attestation has stopped",
    ],
    [
      { operationalState: 9 },
      "permission-denied agent-failed: agent a1 is in state 9 (Invalid Quote) at the verifier: its quote was refused",
    ],
    [
      { operationalState: 10 },
      "failed-precondition agent-failed: agent a1 is in state 10 (Tenant Quote Failed) at the verifier: its attestation has stopped",
    ],
    [
      { operationalState: 11 },
      "failed-precondition agent-state-unproven: agent a1 is in state 11 at the verifier: no quote has been verified yet",
    ],
    [
      { attestationStatus: "FAIL" },
      "failed-precondition agent-failed: agent a1 has attestation status FAIL in state 3 (Get Quote) at the verifier",
    ],
    [
      { attestationStatus: "TIMEOUT" },
      "failed-precondition agent-failed: agent a1 has attestation status TIMEOUT in state 3 (Get Quote) at the verifier",
    ],
    [
      { attestationStatus: "PENDING" },
      "failed-precondition agent-state-unproven: agent a1 has attestation status PENDING in state 3 (Get Quote) at the verifier",
    ],
    [
      { attestationCount: 0 },
      "failed-precondition agent-state-unproven: agent a1 shows state 3 (Get Quote), but the verifier counts no successful attestation",
    ],
    [
      { attestationCount: undefined },
      "failed-precondition agent-state-unproven: agent a1 shows state 3 (Get Quote), but the verifier counts no successful attestation",
    ],
    [
      { lastSuccessfulAttestationMs: 0, lastReceivedQuoteMs: 0 },
      "failed-precondition agent-state-unproven: agent a1 shows state 3 (Get Quote), but the verifier has no time of a successful attestation",
    ],
    [
      { lastSuccessfulAttestationMs: undefined },
      "failed-precondition agent-state-unproven: agent a1 shows state 3 (Get Quote), but the verifier has no time of a successful attestation",
    ],
    [
      { lastReceivedQuoteMs: nowMs - 2000 },
      "failed-precondition agent-state-unproven: agent a1 shows state 3 (Get Quote), but a quote newer than its last successful attestation was refused",
    ],
    [
      { lastReceivedQuoteMs: undefined },
      "failed-precondition agent-state-unproven: agent a1 shows state 3 (Get Quote), but the verifier does not say when it received a quote",
    ],
    [
      { lastReceivedQuoteMs: nowMs - 61_000, lastSuccessfulAttestationMs: nowMs - 61_000 },
      "failed-precondition agent-state-unproven: agent a1 shows state 3 (Get Quote), but its last successful attestation is 1m01s old, more than the 1m00s allowed",
    ],
    [
      { lastReceivedQuoteMs: nowMs + 61_000, lastSuccessfulAttestationMs: nowMs + 61_000 },
      "failed-precondition agent-state-unproven: agent a1 shows state 3 (Get Quote), but its last successful attestation lies 1m01s ahead of the verifier's clock",
    ],
    [
      { mode: "push", ip: undefined, port: undefined },
      "failed-precondition agent-push-mode: agent a1 is attested in push mode (the verifier has no address for it), which gives no identity quote",
    ],
    [
      { mode: "push", ip: undefined, port: undefined, operationalState: 9, attestationStatus: "FAIL" },
      "failed-precondition agent-push-mode: agent a1 is attested in push mode (the verifier has no address for it), which gives no identity quote",
    ],
  ])("refuses %j with its own words", (change, words) => expect(judge(change)).toBe(words));

  it("admits up to the limit and not a millisecond more", () => {
    const at = (ageMs: number) => ({ lastReceivedQuoteMs: nowMs - ageMs, lastSuccessfulAttestationMs: nowMs - ageMs });
    expect(judge(at(60_000))).toBe("admitted");
    expect(judge(at(60_001))).toMatch(/^failed-precondition agent-state-unproven/);
    expect(judge(at(5000), { maxAgeMs: 5000 })).toBe("admitted");
    expect(judge(at(5001), { maxAgeMs: 5000 })).toMatch(/^failed-precondition agent-state-unproven/);
    expect(judge(at(-60_000))).toBe("admitted");
  });

  it("admits nobody by a clock that cannot be read", () => {
    expect(judge({}, { verifierNowMs: Number.NaN })).toMatch(/^failed-precondition agent-state-unproven/);
  });

  it("tells the age of the success it admits by", () => {
    expect(judgeState(good, { verifierNowMs: nowMs, maxAgeMs: "auto" })).toEqual({ admitted: true, ageMs: 3000 });
  });
});

describe("attestationAgeLimitMs", () => {
  it.each<[number | undefined, number | "auto", number]>([
    [10_000, "auto", 60_000],
    [undefined, "auto", 60_000],
    [300_000, "auto", 300_000],
    [300_000, 5000, 5000],
  ])("interval %s, setting %s: %s", (maximumAttestationIntervalMs, setting, limitMs) => {
    expect(attestationAgeLimitMs({ ...good, maximumAttestationIntervalMs }, setting)).toBe(limitMs);
  });
});

describe("stateText", () => {
  it("names the states it knows", () =>
    expect([0, 10, 11].map(stateText)).toEqual(["0 (Registered)", "10 (Tenant Quote Failed)", "11"]));
});
