import { errorText } from "../core/problem.js";
import { type FaultId, faults } from "../faults/faults.js";
import { type Check, type Checks, families, type JudgeContext, type Outcome } from "./checks/check.js";
import type { Facts } from "./facts/facts.js";

/** What came of one check. */
export interface CheckResult {
  check: Check;
  outcome: Outcome;
}

export interface Selection {
  /** Empty: all. */
  only: readonly FaultId[];
  skip: readonly FaultId[];
}

/** The selected checks in the order of the report: by category, then as the fault table lists them. */
export function selectChecks(checks: Checks, { only, skip }: Selection): Check[] {
  const inOrder = (Object.keys(faults) as FaultId[]).flatMap((id) => checks[id] ?? []);
  const wanted = inOrder.filter(({ id }) => (only.length === 0 || only.includes(id)) && !skip.includes(id));
  return families.flatMap((family) => wanted.filter((check) => check.family === family));
}

/** Judges the facts by every check. A check that fails itself is an unknown outcome, so that the others are still told. */
export function judgeAll(checks: readonly Check[], facts: Facts, context: JudgeContext): CheckResult[] {
  return checks.map((check) => ({ check, outcome: judge(check, facts, context) }));
}

function judge(check: Check, facts: Facts, context: JudgeContext): Outcome {
  try {
    return check.judge(facts, context);
  } catch (error) {
    return { is: "unknown", reason: `the check itself failed, which is a fault of this program: ${errorText(error)}` };
  }
}
