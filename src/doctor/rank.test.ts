import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type FaultId, faults } from "../faults/faults.js";
import type { Finding } from "./checks/check.js";
import { type FoundFault, rank } from "./rank.js";

const finding = (more: Partial<Finding> = {}): Finding => ({
  severity: "error",
  stopsAttestation: true,
  summary: "",
  evidence: [],
  fix: { action: "" },
  ...more,
});
const found = (id: FaultId, more: Partial<Finding> = {}): FoundFault => ({ id, finding: finding(more) });
const order = (...all: FoundFault[]) => rank(all).map(({ id }) => id);

describe("rank", () => {
  it("puts first what blocks an attestation first", () => {
    const all = [found("agent-failed"), found("verifier-unreachable"), found("cert-expired"), found("key-mismatch")];
    expect(order(...all)).toEqual(["key-mismatch", "verifier-unreachable", "cert-expired", "agent-failed"]);
  });

  it("puts what stops nothing behind everything that does", () => {
    const hygiene = found("key-too-open", { severity: "error", stopsAttestation: false });
    expect(order(hygiene, found("agent-failed"))).toEqual(["agent-failed", "key-too-open"]);
  });

  it("puts a consequence behind every cause that stands for itself, and names its cause", () => {
    const ranked = rank([
      found("ca-wrong"),
      found("agent-failed"),
      found("plugin-unknown-key", { stage: "handshake" }),
    ]);
    expect(ranked.map(({ id, explainedBy }) => [id, explainedBy])).toEqual([
      ["plugin-unknown-key", undefined],
      ["agent-failed", undefined],
      ["ca-wrong", "plugin-unknown-key"],
    ]);
  });

  it("puts behind what is certain what may be otherwise on the copied machine", () => {
    const doubtful = found("verifier-unreachable", { isDoubtful: true });
    expect(order(doubtful, found("agent-failed"))).toEqual(["agent-failed", "verifier-unreachable"]);
  });

  it("puts what shows only once a certificate is trusted behind what keeps it from being so, on the same leg", () => {
    const plugin = { leg: "plugin->verifier" };
    const expired = found("cert-expired", plugin);
    expect(order(expired, found("verifier-trust-empty", plugin))).toEqual(["verifier-trust-empty", "cert-expired"]);
    const agent = found("ca-wrong", { leg: "verifier->agent" });
    expect(order(expired, agent)).toEqual(["cert-expired", "ca-wrong"]);
  });

  it("takes no finding of another leg for a consequence", () => {
    const leg = (name: string) => ({ leg: name });
    const ranked = rank([
      found("plugin-default-cert", leg("plugin->verifier")),
      found("ca-wrong", leg("tenant->registrar")),
    ]);
    expect(ranked.map(({ explainedBy }) => explainedBy)).toEqual([undefined, undefined]);
  });

  it("takes a finding on two legs for a consequence only of what concerns both", () => {
    const both = found("ca-wrong", { leg: "plugin->verifier", otherLegs: ["plugin->registrar"] });
    const explainedBy = (cause: Partial<Finding>) =>
      rank([both, found("plugin-default-cert", cause)]).find(({ id }) => id === "ca-wrong")!.explainedBy;
    expect(explainedBy({ leg: "plugin->verifier" })).toBeUndefined();
    expect(explainedBy({ leg: "plugin->registrar", otherLegs: ["plugin->verifier"] })).toBe("plugin-default-cert");
    expect(explainedBy({})).toBe("plugin-default-cert");
  });

  it("lets a finding that stops nothing explain nothing", () => {
    const idle = found("plugin-unknown-key", { severity: "warning", stopsAttestation: false });
    expect(rank([idle, found("ca-wrong")]).map(({ explainedBy }) => explainedBy)).toEqual([undefined, undefined]);
  });

  it("gives one order whatever the order of the findings, loses none and explains none by itself", () => {
    const ids = Object.keys(faults) as FaultId[];
    const some = fc.uniqueArray(fc.constantFrom(...ids), { maxLength: 12 });
    fc.assert(
      fc.property(some, fc.boolean(), (chosen, stopsAttestation) => {
        const all = chosen.map((id) => found(id, { stopsAttestation }));
        const ranked = rank(all);
        expect(rank([...all].reverse())).toEqual(ranked);
        expect(new Set(ranked.map(({ id }) => id))).toEqual(new Set(chosen));
        expect(ranked.every(({ id, explainedBy }) => id !== explainedBy)).toBe(true);
        // Something always stands for itself: consequences in a circle would hide their cause.
        if (stopsAttestation && all.length > 0)
          expect(ranked.some(({ explainedBy }) => explainedBy === undefined)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
