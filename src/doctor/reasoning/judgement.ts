import type { FaultId } from "../../faults/faults.js";
import { type Evidence, type Finding, legsConcerned, type Outcome } from "../checks/check.js";
import type { Facts } from "../facts/facts.js";
import type { CheckResult } from "../run.js";

export type Verdict = "confirmed" | "refuted" | "unknown";

/** A statement or question about the handshake between plugin and verifier, and what the facts make of it. */
export interface Judgement {
  id: string;
  /** As it stands before the verdict. */
  text: string;
  verdict: Verdict;
  /** What decides, or what is missing to decide; one at least. */
  because: readonly Evidence[];
}

/** What reasoning may look at: the facts, and what each check made of them. */
export interface Examined {
  facts: Facts;
  results: readonly CheckResult[];
}

export function outcomeOf({ results }: Examined, id: FaultId): Outcome | undefined {
  return results.find(({ check }) => check.id === id)?.outcome;
}

/** The findings of some checks; on one leg, when a leg is named: those that name another are left out. */
export function findingsOf(examined: Examined, ids: readonly FaultId[], leg?: string): FoundOne[] {
  return ids.flatMap((id) => {
    const outcome = outcomeOf(examined, id);
    const findings = outcome?.is === "found" ? outcome.findings : [];
    return findings
      .filter((finding) => leg === undefined || finding.leg === undefined || legsConcerned(finding).includes(leg))
      .map((finding) => ({ id, finding }));
  });
}

export interface FoundOne {
  id: FaultId;
  finding: Finding;
}

/** A finding as evidence: its summary, at the place of its first proof. */
export function findingEvidence({ id, finding }: FoundOne): Evidence {
  const { file, line, column } = finding.evidence.find((each) => each.file !== undefined) ?? {};
  const place = {
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
  };
  return { text: `${finding.summary} [${id}]`, ...place };
}

/** Whether every one of the checks judged its facts and found nothing. */
export function areClear(examined: Examined, ids: readonly FaultId[]): boolean {
  return ids.every((id) => outcomeOf(examined, id)?.is === "clear");
}

/** Why the checks that could not judge could not. */
export function gapsOf(examined: Examined, ids: readonly FaultId[]): Evidence[] {
  const reasons = ids.flatMap((id) => {
    const outcome = outcomeOf(examined, id);
    return outcome?.is === "unknown" || outcome?.is === "skipped" ? [outcome.reason] : [];
  });
  return [...new Set(reasons)].map((text) => ({ text }));
}
