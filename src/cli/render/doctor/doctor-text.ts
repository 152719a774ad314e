import { families } from "../../../doctor/checks/check.js";
import type { DoctorReport, ReportedFinding } from "../../../doctor/report-schema.js";
import type { Style } from "../style.js";
import { wrapped } from "../wrap.js";
import { familyTitles } from "./family-titles.js";
import { findingText } from "./finding-text.js";
import { handshakeText, isHandshakeInDoubt } from "./handshake-text.js";

type ReportedCheck = DoctorReport["checks"][number];

export interface DoctorTextOptions {
  /** All the evidence, and the checks that do not apply. */
  isVerbose: boolean;
  /** The reasoning about plugin and verifier even when nothing is wrong between them. */
  isHandshakeExplained: boolean;
}

/** What people read of an examination: the checks by category, what was found in the order to mend it, the verdict last. */
export function doctorText(report: DoctorReport, style: Style, options: DoctorTextOptions): string {
  const { isVerbose, isHandshakeExplained } = options;
  const blocks = [
    headText(report, style),
    ...families.flatMap((family) => familyText(report, family, style, isVerbose)),
    ...foundText(report, style, isVerbose),
    ...(isHandshakeExplained || isHandshakeInDoubt(report) ? handshakeText(report, style) : []),
    verdictText(report, style),
  ];
  return `${blocks.join("\n\n")}\n`;
}

function headText({ root, offline, sources }: DoctorReport, style: Style): string {
  const where = root === null ? "this machine" : `the copy in ${root}`;
  const lines = sources.map(({ what, source, problem }) =>
    problem === null ? `  ${what}: ${source}` : `  ${what}: ${style.quiet(problem)}`,
  );
  return [style.heading(`${where}${offline ? ", offline" : ""}`), ...lines].join("\n");
}

function familyText(report: DoctorReport, family: ReportedCheck["family"], style: Style, isVerbose: boolean): string[] {
  const shown = report.checks.filter((check) => check.family === family && (isVerbose || check.outcome !== "skipped"));
  if (shown.length === 0) return [];
  return [
    [style.heading(familyTitles[family]), ...shown.flatMap((check) => checkLines(check, report, style))].join("\n"),
  ];
}

function checkLines(check: ReportedCheck, { findings }: DoctorReport, style: Style): string[] {
  const own = findings.filter(({ id }) => id === check.id);
  if (check.outcome === "found") return own.map((finding) => `${mark(finding.severity, style)} ${finding.summary}`);
  if (check.outcome === "clear") return [`${style.good("√")} ${check.title}`];
  const word = check.outcome === "unknown" ? style.attention("?") : style.quiet("-");
  return wrapped(`${check.title}: ${check.outcome}, ${check.detail}`, `${word} `, "  ");
}

function mark(severity: ReportedFinding["severity"], style: Style): string {
  return { error: style.bad("×"), warning: style.attention("‼"), info: style.quiet("i") }[severity];
}

function foundText({ findings }: DoctorReport, style: Style, isVerbose: boolean): string[] {
  return findings.map((finding, index) => findingText(finding, index + 1, style, isVerbose));
}

function verdictText({ verdict, causes, findings }: DoctorReport, style: Style): string {
  const paint = verdict.cause === null ? style.good : style.bad;
  const others = causes.length > 1 ? ` (and ${causes.length - 1} more)` : "";
  const open = verdict.cause === null && findings.length > 0 ? `; ${findings.length} to look at` : "";
  const lines = wrapped(`${verdict.text}${others}${open}`, "", "  ");
  const next = verdict.next_step === null ? [] : wrapped(verdict.next_step, `${style.heading("next")}: `, "      ");
  return [paint(lines.join("\n")), ...next].join("\n");
}
