import { families } from "../../../doctor/checks/check.js";
import type { DoctorReport, ReportedFinding } from "../../../doctor/report-schema.js";
import { type Markup, markup } from "../html/markup.js";
import { familyTitles } from "./family-titles.js";

type ReportedCheck = DoctorReport["checks"][number];
type Severity = ReportedFinding["severity"];

const severities: readonly Severity[] = ["info", "warning", "error"];

/**
 * The report as JUnit XML: a suite for each family, a case for each check. Findings that count for the exit code are failures;
 * lesser ones are printed with a case that passes. What could not be told or does not apply is skipped, with its reason.
 */
export function doctorJunit(report: DoctorReport, failOn: Severity): string {
  const suites = families
    .map((family) => ({ family, cases: report.checks.filter((check) => check.family === family) }))
    .filter(({ cases }) => cases.length > 0);
  const all = counts(report.checks, report, failOn);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${
    markup`<testsuites name="spire-keylime doctor" ${all} time="${(report.took_ms / 1000).toFixed(3)}">
${suites.map(
  ({ family, cases }) =>
    markup`  <testsuite name="${familyTitles[family]}" ${counts(cases, report, failOn)} time="0" timestamp="${report.examined_at.slice(0, 19)}">
${cases.map((check) => testCase(check, report, failOn))}  </testsuite>
`,
)}</testsuites>
`.text
  }`;
}

function counts(checks: readonly ReportedCheck[], report: DoctorReport, failOn: Severity): Markup {
  const failures = checks.filter((check) => failing(check, report, failOn).length > 0).length;
  const skipped = checks.filter(({ outcome }) => outcome === "unknown" || outcome === "skipped").length;
  return markup`tests="${checks.length}" failures="${failures}" errors="0" skipped="${skipped}"`;
}

function findingsOf({ id }: ReportedCheck, { findings }: DoctorReport): ReportedFinding[] {
  return findings.filter((finding) => finding.id === id);
}

function failing(check: ReportedCheck, report: DoctorReport, failOn: Severity): ReportedFinding[] {
  const least = severities.indexOf(failOn);
  return findingsOf(check, report).filter(({ severity }) => severities.indexOf(severity) >= least);
}

function testCase(check: ReportedCheck, report: DoctorReport, failOn: Severity): Markup {
  const failures = failing(check, report, failOn);
  const others = findingsOf(check, report).filter((finding) => !failures.includes(finding));
  const isSkipped = check.outcome === "unknown" || check.outcome === "skipped";
  return markup`    <testcase classname="doctor.${check.family}" name="${check.id}: ${check.title}" time="0">
${failures.length > 0 && failure(failures)}${isSkipped && markup`      <skipped message="${check.outcome}: ${check.detail}"/>\n`}${
  others.length > 0 &&
  markup`      <system-out>${others.map(({ summary, severity }) => `${severity}: ${summary}`).join("\n")}</system-out>\n`
}    </testcase>
`;
}

/** One element for all of them: several in one case are not read everywhere. */
function failure(findings: readonly ReportedFinding[]): Markup {
  const [first] = findings;
  const text = findings.map(findingLines).join("\n\n");
  return markup`      <failure type="${first!.severity}" message="${first!.summary}">${text}</failure>\n`;
}

function findingLines({ summary, evidence, fix }: ReportedFinding): string {
  return [
    summary,
    ...evidence.map(evidenceLine),
    `fix: ${fix.action}`,
    ...fix.commands.map((command) => `  ${command}`),
  ].join("\n");
}

function evidenceLine({ text, file, line }: ReportedFinding["evidence"][number]): string {
  const place = [file, line].filter((each) => each !== null).join(":");
  return `- ${text}${place === "" ? "" : ` (${place})`}`;
}
