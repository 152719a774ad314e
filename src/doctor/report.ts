import { faults } from "../faults/faults.js";
import { type Evidence, type Severity, stageOf } from "./checks/check.js";
import { type Contradiction, contradictionsOf } from "./checks/verifier/contradictions.js";
import type { Diagnosis } from "./diagnose.js";
import type { Fact } from "./facts/fact.js";
import type { Facts } from "./facts/facts.js";
import { legsOf } from "./legs/legs-of.js";
import type { RankedFault } from "./rank.js";
import { hypotheses } from "./reasoning/hypotheses.js";
import type { Judgement } from "./reasoning/judgement.js";
import { questions } from "./reasoning/questions.js";
import { reportedLegs } from "./report-legs.js";
import type {
  DoctorReport,
  ReportedContradiction,
  ReportedEvidence,
  ReportedFinding,
  ReportedJudgement,
} from "./report-schema.js";
import type { CheckResult } from "./run.js";
import { exitCodeOf, verdictOf } from "./verdict.js";

export interface ReportOptions {
  version: string;
  /** Findings of this severity or worse make the exit code 1. */
  failOn: Severity;
}

/** The report of a diagnosis: data for programs, from which every form for people is drawn. */
export function reportOf(diagnosis: Diagnosis, { version, failOn }: ReportOptions): DoctorReport {
  const { options, facts, results, ranked, tookMs } = diagnosis;
  const findings = ranked.map(reportedFinding);
  const causes = findings.filter(({ stops_attestation: stops }) => stops);
  const examination = { facts, causes, findings, results };
  const verdict = verdictOf(examination);
  return {
    schema: "spire-keylime/doctor/v1",
    version,
    examined_at: new Date(options.nowMs).toISOString(),
    took_ms: Math.round(tookMs * 10) / 10,
    root: facts.scope.root ?? null,
    offline: facts.scope.isOffline,
    verdict,
    causes,
    findings,
    hypotheses: hypotheses({ facts, results }).map(reportedJudgement),
    questions: questions({ facts, results }).map(reportedJudgement),
    contradictions: contradictionsOf(facts, options.nowMs).map(reportedContradiction),
    legs: reportedLegs(legsOf(facts, options.nowMs)),
    checks: results.map(reportedCheck),
    sources: sourcesOf(facts, options.rehearse === true),
    exit_code: exitCodeOf(examination, verdict, failOn),
  };
}

function reportedFinding({ id, finding, explainedBy }: RankedFault): ReportedFinding {
  const { severity, stopsAttestation, leg, otherLegs = [], summary, evidence, fix } = finding;
  return {
    id,
    title: faults[id].title,
    severity,
    stops_attestation: stopsAttestation,
    stage: stageOf(id, finding),
    leg: leg ?? null,
    other_legs: [...otherLegs],
    summary,
    evidence: evidence.map(reportedEvidence),
    fix: {
      action: fix.action,
      commands: [...(fix.commands ?? [])],
      can_be_applied: (fix.edits?.length ?? 0) > 0,
    },
    explained_by: explainedBy ?? null,
  };
}

function reportedEvidence({ text, file, line, column, certificate, probe }: Evidence): ReportedEvidence {
  return {
    text,
    file: file ?? null,
    line: line ?? null,
    column: column ?? null,
    certificate: certificate ?? null,
    probe: probe ?? null,
  };
}

function reportedCheck({ check: { id, family, title }, outcome }: CheckResult): DoctorReport["checks"][number] {
  const detail = outcome.is === "found" ? null : outcome.is === "clear" ? outcome.because : outcome.reason;
  return { id, family, title, outcome: outcome.is, detail };
}

function reportedJudgement({ id, text, verdict, because }: Judgement): ReportedJudgement {
  return { id, text, verdict, evidence: because.map(reportedEvidence) };
}

function reportedContradiction(contradiction: Contradiction): ReportedContradiction {
  const { id, summary, says, seen, proof, stopsAttestation } = contradiction;
  return {
    id,
    summary,
    says: reportedEvidence(says),
    seen: reportedEvidence(seen),
    proves: proof.is,
    because: proof.because.map(reportedEvidence),
    stops_attestation: stopsAttestation,
  };
}

/** Where the facts of the machine come from. */
function sourcesOf(facts: Facts, isRehearsed: boolean): DoctorReport["sources"] {
  const named: [string, Fact<unknown>][] = [
    ["SPIRE server configuration", facts.spireServer],
    ["SPIRE agent configuration", facts.spireAgent],
    ["verifier configuration", facts.keylime.verifier],
    ["registrar configuration", facts.keylime.registrar],
    ["tenant configuration", facts.keylime.tenant],
    ["Keylime agent configuration", facts.keylime.agent],
    ["running services", facts.processes],
    ...(isRehearsed ? [["the server plugin, started", facts.rehearsal] satisfies [string, Fact<unknown>]] : []),
  ];
  return named.map(([what, fact]) => ({ what, source: fact.source, problem: fact.known ? null : fact.reason }));
}
