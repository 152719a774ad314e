import { describe, expect, it } from "vitest";
import type { FaultId } from "../../faults/faults.js";
import type { Finding, Outcome } from "../checks/check.js";
import { areClear, type Examined, findingEvidence, findingsOf, gapsOf } from "./judgement.js";

const examined = (outcomes: Partial<Record<FaultId, Outcome>>): Examined =>
  ({ facts: {}, results: Object.entries(outcomes).map(([id, outcome]) => ({ check: { id }, outcome })) }) as never;
const finding = (more: Partial<Finding> = {}): Finding => ({
  severity: "error",
  stopsAttestation: true,
  summary: "it is so",
  evidence: [],
  fix: { action: "" },
  ...more,
});
const clear: Outcome = { is: "clear", because: "" };

describe("findingsOf", () => {
  const legs = ["plugin->verifier", "plugin->registrar", undefined].map((leg) =>
    finding({ summary: leg ?? "none", ...(leg === undefined ? {} : { leg }) }),
  );
  const shared = finding({ summary: "shared", leg: "plugin->registrar", otherLegs: ["plugin->verifier"] });
  const given = examined({ "ca-wrong": { is: "found", findings: [shared, ...legs] }, "cert-weak": clear });
  const summaries = (leg?: string) =>
    findingsOf(given, ["ca-wrong", "cert-weak", "cert-expired"], leg).map(({ finding: { summary } }) => summary);

  it("leaves out what concerns other legs only", () => {
    expect(summaries("plugin->verifier")).toEqual(["shared", "plugin->verifier", "none"]);
  });

  it("gives all findings where no leg is named", () => {
    expect(summaries()).toEqual(["shared", "plugin->verifier", "plugin->registrar", "none"]);
  });
});

it("a finding is evidence at the place of its first proof that has one", () => {
  const evidence = [{ text: "seen live" }, { text: "written", file: "a.conf", line: 3 }];
  expect(findingEvidence({ id: "ca-wrong", finding: finding({ evidence }) })).toEqual({
    text: "it is so [ca-wrong]",
    file: "a.conf",
    line: 3,
  });
});

it("checks are clear only when every one of them judged and found nothing", () => {
  const given = examined({ "ca-wrong": clear, "cert-weak": { is: "skipped", reason: "--offline" } });
  expect(areClear(given, ["ca-wrong"])).toBe(true);
  expect(areClear(given, ["ca-wrong", "cert-weak"])).toBe(false);
  expect(areClear(given, ["ca-wrong", "cert-expired"])).toBe(false);
});

it("a reason that several checks share is told once", () => {
  const open: Outcome = { is: "unknown", reason: "nothing answered" };
  const given = examined({
    "ca-wrong": open,
    "cert-weak": open,
    "cert-expired": { is: "skipped", reason: "--offline" },
  });
  expect(gapsOf(given, ["ca-wrong", "cert-weak", "cert-expired", "key-mismatch"])).toEqual([
    { text: "nothing answered" },
    { text: "--offline" },
  ]);
});
