import { expect, it } from "vitest";
import type { FaultId } from "../faults/faults.js";
import { type Check, defineCheck, type Family, type Outcome } from "./checks/check.js";
import type { Facts } from "./facts/facts.js";
import { judgeAll, selectChecks } from "./run.js";

const facts = {} as Facts;
const clear: Outcome = { is: "clear", because: "" };
const check = (id: FaultId, family: Family, judge: Check["judge"] = () => clear) =>
  defineCheck({ id, family, title: "", judge });

const all = {
  "agent-failed": check("agent-failed", "node"),
  "cert-expired": check("cert-expired", "certificates"),
  "spire-trust-domain": check("spire-trust-domain", "spire"),
  "plugin-unknown-key": check("plugin-unknown-key", "spire"),
};
const selected = (only: FaultId[], skip: FaultId[]) => selectChecks(all, { only, skip }).map(({ id }) => id);

it("runs the checks by category, each as the fault table lists it", () => {
  expect(selected([], [])).toEqual(["plugin-unknown-key", "spire-trust-domain", "cert-expired", "agent-failed"]);
});

it("runs those that are asked for, without those that are left out", () => {
  expect(selected(["cert-expired", "agent-failed"], ["agent-failed"])).toEqual(["cert-expired"]);
});

it("tells a check that fails itself as unknown, and the others all the same", () => {
  const failing = check("cert-expired", "certificates", () => {
    throw new Error("no such property\n    at judge (file.ts:1)");
  });
  expect(judgeAll([failing, all["agent-failed"]], facts, { nowMs: 0 }).map(({ outcome }) => outcome)).toEqual([
    {
      is: "unknown",
      reason: "the check itself failed, which is a fault of this program: no such property at judge (file.ts:1)",
    },
    clear,
  ]);
});
