import { checks } from "./checks/index.js";
import type { Facts } from "./facts/facts.js";
import { gatherFacts } from "./facts/gather.js";
import type { DoctorOptions } from "./options.js";
import { type FoundFault, type RankedFault, rank } from "./rank.js";
import { type CheckResult, judgeAll, selectChecks } from "./run.js";

/** One examination: what was seen, what each check made of it, and what it amounts to. */
export interface Diagnosis {
  options: DoctorOptions;
  facts: Facts;
  results: readonly CheckResult[];
  /** Every finding, the one to mend first at the front. */
  ranked: readonly RankedFault[];
  tookMs: number;
}

export async function diagnose(options: DoctorOptions): Promise<Diagnosis> {
  const startedMs = performance.now();
  const facts = await gatherFacts(options);
  const results = judgeAll(selectChecks(checks, options), facts, { nowMs: options.nowMs });
  const tookMs = performance.now() - startedMs;
  return { options, facts, results, ranked: rank(results.flatMap(findingsOf)), tookMs };
}

function findingsOf({ check: { id }, outcome }: CheckResult): FoundFault[] {
  return outcome.is === "found" ? outcome.findings.map((finding) => ({ id, finding })) : [];
}
