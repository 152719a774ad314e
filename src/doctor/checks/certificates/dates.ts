import { durationText } from "../../../core/duration.js";
import { isoTime } from "../../../core/iso-time.js";
import type { FaultId } from "../../../faults/faults.js";
import type { Facts } from "../../facts/facts.js";
import type { FileCertificate } from "../../facts/files/file-facts.js";
import type { Refusal } from "../../legs/blame.js";
import type { Finding, JudgeContext, Outcome } from "../check.js";
import { serviceName, stopsAttestation } from "../files/file-words.js";
import { certificateEvidence } from "./certificate-words.js";
import { judgeLegs, type Told } from "./leg-faults.js";
import {
  nothingPresented,
  type PresentedCertificate,
  presentedCertificates,
  presentedProof,
} from "./presented-files.js";

export type DateFault = "cert-expired" | "cert-not-yet-valid";

export function dateFault({ facts }: FileCertificate, nowMs: number): DateFault | undefined {
  if (nowMs > facts.notAfterMs) return "cert-expired";
  return nowMs < facts.notBeforeMs ? "cert-not-yet-valid" : undefined;
}

/** What is presented by its dates, and CAs of trust files by what the legs make of them. */
export function judgeDates(facts: Facts, context: JudgeContext, id: DateFault): Outcome {
  const presented = presentedCertificates(facts).filter(
    ({ certificate }) => dateFault(certificate, context.nowMs) === id,
  );
  const told = new Set(presented.map(({ certificate }) => certificate.facts.sha256));
  const findings = presented.map((each) => presentedFinding(each, id, context.nowMs));
  const outcome = judgeLegs(facts, context, id, (refusal) => tell(refusal, id, context.nowMs), findings);
  if (outcome.is !== "found") return nothingPresented(facts) ?? outcome;
  const [first, ...rest] = outcome.findings.filter((finding) => !repeats(finding, findings, told));
  return { is: "found", findings: [first!, ...rest] };
}

/** A leg that refuses what was already told of as a file. */
function repeats(finding: Finding, own: readonly Finding[], told: ReadonlySet<string>): boolean {
  if (own.includes(finding)) return false;
  return finding.evidence.some(({ certificate }) => certificate !== undefined && told.has(certificate.sha256));
}

function presentedFinding(presented: PresentedCertificate, id: FaultId, nowMs: number): Finding {
  const { certificate, file, uses } = presented;
  const stops = uses.some(stopsAttestation);
  const words = dateText(certificate, id, nowMs);
  return {
    severity: stops ? "error" : "warning",
    stopsAttestation: stops,
    summary: `the certificate ${certificate.facts.subject} in ${file.path} ${words}`,
    evidence: [
      ...presentedProof(presented, validityText(certificate)),
      { text: `this host's clock: ${isoTime(nowMs)}` },
    ],
    fix: fixOf(certificate.facts.subject, file.path, id, serviceName(uses[0]!.reader)),
  };
}

function tell({ verdict, presenter }: Refusal, id: FaultId, nowMs: number): Told {
  const { certificate, path } = verdict.certificate ?? presenter.presented!.sent[0]!;
  const { subject } = certificate.facts;
  return {
    because: `${subject} ${dateText(certificate, id, nowMs)}`,
    evidence: [
      certificateEvidence(certificate, path, validityText(certificate)),
      { text: `this host's clock: ${isoTime(nowMs)}` },
    ],
    fix: { action: id === "cert-expired" ? `renew ${subject} in ${path}` : "compare the clocks of both hosts" },
  };
}

function fixOf(subject: string, path: string, id: FaultId, service: string) {
  const commands = [`openssl x509 -in ${path} -noout -subject -dates`];
  if (id === "cert-expired") return { action: `renew ${subject} in ${path}, then restart ${service}`, commands };
  return {
    action: "compare the clocks of this host and of the CA, or wait for the certificate's start",
    commands: [...commands, "date -u"],
  };
}

function dateText({ facts }: FileCertificate, id: FaultId, nowMs: number): string {
  if (id === "cert-expired")
    return `expired at ${isoTime(facts.notAfterMs)}, ${durationText(nowMs - facts.notAfterMs)} ago`;
  return `is not valid before ${isoTime(facts.notBeforeMs)}, in ${durationText(facts.notBeforeMs - nowMs)}`;
}

export function validityText({ facts }: FileCertificate): string {
  return `valid from ${isoTime(facts.notBeforeMs)} to ${isoTime(facts.notAfterMs)}`;
}
