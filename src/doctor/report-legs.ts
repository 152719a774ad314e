import { alertName } from "../tls/alert.js";
import { stacks } from "../x509/trust/stacks.js";
import { readerName } from "./checks/files/file-words.js";
import type { LegId } from "./facts/files/file-facts.js";
import type { Leg, LegEnd, Side, SideVerdict } from "./legs/leg.js";
import type { DoctorReport } from "./report-schema.js";

type ReportedLeg = DoctorReport["legs"][number];
type ReportedEnd = ReportedLeg["client"];

/** The trust table: who presents what to whom, and what each side makes of it. */
export function reportedLegs(legs: readonly Leg[]): ReportedLeg[] {
  return legs.map((leg) => ({ id: leg.id, client: endOf(leg, "client"), server: endOf(leg, "server") }));
}

function endOf(leg: Leg, side: Side): ReportedEnd {
  const { reader, stack, presented, trust } = leg[side];
  return {
    name: readerName(reader),
    library: stacks[stack].name,
    presents: (presented?.sent ?? []).map(({ certificate, path }) => {
      const { subject, issuer, serial, sha256 } = certificate.facts;
      return { subject, issuer, serial, sha256, file: path };
    }),
    trusts: trust === undefined ? null : trustedOf(trust),
    verdict: verdictOf(leg.verdicts[side], leg.id, side),
  };
}

function trustedOf({ parts, certificates }: NonNullable<LegEnd["trust"]>): ReportedEnd["trusts"] {
  return parts.map(({ file }) => ({
    file: file.path,
    subjects: certificates.filter(({ path }) => path === file.path).map(({ certificate }) => certificate.facts.subject),
  }));
}

function verdictOf(verdict: SideVerdict, id: LegId, side: Side): ReportedEnd["verdict"] {
  const nothing = { error: null, depth: null, certificate: null, alert: null };
  if (verdict.is === "accepts") {
    return { outcome: verdict.isVerified ? "accepts" : "does-not-look", reason: null, ...nothing };
  }
  if (verdict.is === "unknown") {
    const presentsNothing = id === "push-agent->verifier" && side === "server";
    return {
      outcome: "unknown",
      reason: presentsNothing ? "a push agent presents no certificate" : verdict.reason,
      ...nothing,
    };
  }
  const { error, depth, certificate, alert } = verdict;
  return {
    outcome: "refuses",
    reason: error.text,
    error: error.name,
    depth,
    certificate: certificate?.certificate.facts.subject ?? null,
    alert: alert === undefined ? null : { number: alert, name: alertName(alert) },
  };
}
