import { families } from "../../../doctor/checks/check.js";
import type { DoctorReport, ReportedFinding } from "../../../doctor/report-schema.js";
import type { Style } from "../style.js";
import { wrapped } from "../wrap.js";
import { contradictionsText } from "./contradiction-text.js";
import { familyTitles } from "./family-titles.js";
import { findingText } from "./finding-text.js";
import { handshakeText, isHandshakeInDoubt } from "./handshake-text.js";
import { trustText } from "./trust-text.js";

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
    ...trustText(report, style, isVerbose),
    ...foundText(report, style, isVerbose),
    ...contradictionsText(report, style),
    ...(isHandshakeExplained || isHandshakeInDoubt(report) ? handshakeText(report, style) : []),
    verdictText(report, style),
  ];
  return `${blocks.join("\n\n")}\n`;
}

function headText({ root, offline, sources }: DoctorReport, style: Style): string {
  const where = root === null ? "this machine" : `the copy in ${root}`;
  const lines = sources.map(({ what, source, problem }) =>
    problem === null
      ? `  ${what}: ${source}`
      : `  ${what}: ${style.quiet(problem === "permission denied" ? `${source}: ${problem}` : problem)}`,
  );
  return [style.heading(`${where}${offline ? ", offline" : ""}`), ...lines].join("\n");
}

function familyText(report: DoctorReport, family: ReportedCheck["family"], style: Style, isVerbose: boolean): string[] {
  const own = report.checks.filter((check) => check.family === family);
  const judged = own.filter(({ outcome }) => outcome === "found" || outcome === "clear");
  const open = own.filter(({ outcome }) => outcome === "unknown" || (isVerbose && outcome === "skipped"));
  if (judged.length + open.length === 0) return [];
  const lines = [
    ...judged.flatMap((check) => checkLines(check, report, style)),
    ...groupedByReason(open).flatMap((group) => openLines(group, style, isVerbose)),
  ];
  return [[style.heading(familyTitles[family]), ...lines].join("\n")];
}

/** Checks that could not judge, those with the same reason together. */
function groupedByReason(checks: readonly ReportedCheck[]): [ReportedCheck, ...ReportedCheck[]][] {
  const groups = new Map<string, [ReportedCheck, ...ReportedCheck[]]>();
  for (const check of checks) {
    const key = `${check.outcome} ${check.detail}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [check]);
    else group.push(check);
  }
  return [...groups.values()];
}

function openLines(group: readonly [ReportedCheck, ...ReportedCheck[]], style: Style, isVerbose: boolean): string[] {
  const [{ title, detail, outcome }] = group;
  const sign = outcome === "unknown" ? style.attention("?") : style.quiet("-");
  const word = outcome === "unknown" ? "cannot tell" : "skipped";
  if (group.length === 1) return marked(sign, `${word} whether ${title}: ${detail}`);
  const ids = isVerbose ? ` (${group.map(({ id }) => id).join(", ")})` : "";
  return marked(sign, `${word} of ${group.length} checks${ids}: ${detail}`);
}

function checkLines(check: ReportedCheck, { findings }: DoctorReport, style: Style): string[] {
  const own = findings.filter(({ id }) => id === check.id);
  if (check.outcome === "found") {
    return own.flatMap(({ severity, summary }) => marked(mark(severity, style), summary));
  }
  return marked(style.good("√"), check.title);
}

/** The mark may hold colour, which takes no room on the line. */
function marked(sign: string, text: string): string[] {
  const [first = "", ...more] = wrapped(text, "  ", "  ");
  return [`${sign} ${first.slice(2)}`, ...more];
}

function mark(severity: ReportedFinding["severity"], style: Style): string {
  return { error: style.bad("×"), warning: style.attention("‼"), info: style.quiet("i") }[severity];
}

function foundText({ findings }: DoctorReport, style: Style, isVerbose: boolean): string[] {
  return findings.map((finding, index) => findingText(finding, index + 1, style, isVerbose));
}

const verdictMarks = {
  "cause-found": { sign: "×", paint: "bad" },
  refused: { sign: "×", paint: "bad" },
  "not-examined": { sign: "?", paint: "attention" },
  "nothing-found": { sign: "√", paint: "good" },
} as const;

function verdictText({ verdict, causes, findings }: DoctorReport, style: Style): string {
  const others = causes.length > 1 ? ` (the first of ${causes.length} causes)` : "";
  const open = verdict.outcome === "nothing-found" && findings.length > 0 ? `; ${findings.length} to look at` : "";
  const { sign, paint } = verdictMarks[verdict.outcome];
  const lines = marked(sign, `${verdict.text}${others}${open}`);
  const next = verdict.next_step === null ? [] : wrapped(verdict.next_step, "  next: ", "        ");
  return [...lines.map(style[paint]), ...next].join("\n");
}
