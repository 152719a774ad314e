import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import type { DoctorReport, ReportedEvidence, ReportedFinding } from "../../../doctor/report-schema.js";
import { faults } from "../../../faults/faults.js";

const levels = { error: "error", warning: "warning", info: "note" } as const;

/** The report as SARIF 2.1.0 (OASIS, 2020): a rule for each check, a result for each finding, at the file and line that proves it. */
export function doctorSarif(report: DoctorReport): string {
  const rules = report.checks.map(({ id }) => id);
  const document = {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "spire-keylime doctor", version: report.version, rules: report.checks.map(ruleOf) } },
        invocations: [
          {
            executionSuccessful: report.exit_code !== 3,
            exitCode: report.exit_code,
            startTimeUtc: report.examined_at,
            toolExecutionNotifications: report.checks
              .filter(({ outcome }) => outcome === "unknown")
              .map(notificationOf),
          },
        ],
        columnKind: "unicodeCodePoints",
        results: report.findings.map((finding) => resultOf(finding, rules)),
      },
    ],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function ruleOf({ id, title }: DoctorReport["checks"][number]): object {
  const { title: fault, advice, stage } = faults[id];
  return {
    id,
    shortDescription: { text: fault },
    fullDescription: { text: title },
    help: { text: `${advice}. See docs/faults/${id}.md, or run: spire-keylime doctor --explain ${id}` },
    properties: { tags: ["spire", "keylime", stage] },
  };
}

/** A check that could not judge, so that its silence is not taken for a good sign. */
function notificationOf({ id, detail }: DoctorReport["checks"][number]): object {
  return { level: "note", associatedRule: { id }, message: { text: `could not be checked: ${detail}` } };
}

function resultOf(finding: ReportedFinding, rules: readonly string[]): object {
  const { id, severity, summary, evidence, fix } = finding;
  const places = evidence.filter(({ file }) => file !== null);
  return {
    ruleId: id,
    ruleIndex: rules.indexOf(id),
    level: levels[severity],
    message: { text: `${summary}. Fix: ${[fix.action, ...fix.commands].join("\n")}` },
    ...(places.length === 0 ? {} : { locations: [locationOf(places[0]!)] }),
    ...(places.length < 2 ? {} : { relatedLocations: places.slice(1).map((place) => relatedLocationOf(place)) }),
    partialFingerprints: { "finding/v1": fingerprintOf(finding) },
    properties: {
      stops_attestation: finding.stops_attestation,
      stage: finding.stage,
      explained_by: finding.explained_by,
      evidence: evidence.map(({ text }) => text),
    },
  };
}

function locationOf({ file, line, column }: ReportedEvidence): object {
  const region =
    line === null ? {} : { region: { startLine: line, ...(column === null ? {} : { startColumn: column }) } };
  return { physicalLocation: { artifactLocation: { uri: pathToFileURL(file!).href }, ...region } };
}

function relatedLocationOf(place: ReportedEvidence): object {
  return { ...locationOf(place), message: { text: place.text } };
}

/** Stays the same from run to run as long as the same thing is wrong in the same file. */
function fingerprintOf({ id, leg, evidence }: ReportedFinding): string {
  const files = evidence.map(({ file, certificate }) => `${file ?? ""} ${certificate?.sha256 ?? ""}`);
  return createHash("sha256")
    .update([id, leg ?? "", ...files].join("\n"))
    .digest("hex");
}
