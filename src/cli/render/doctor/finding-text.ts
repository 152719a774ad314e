import type { ReportedEvidence, ReportedFinding } from "../../../doctor/report-schema.js";
import type { Style } from "../style.js";
import { wrapped } from "../wrap.js";

const mostEvidence = 6;

/** One finding in full: what is wrong, what proves it, what mends it. */
export function findingText(finding: ReportedFinding, number: number, style: Style, isVerbose: boolean): string {
  const { id, severity, summary, evidence, fix, explained_by: explainedBy } = finding;
  const paint = { error: style.bad, warning: style.attention, info: style.quiet }[severity];
  const shown = isVerbose ? evidence : evidence.slice(0, mostEvidence);
  const left = evidence.length - shown.length;
  return [
    `${number}. ${paint(id)}`,
    ...wrapped(summary, "   ", "   "),
    ...shown.flatMap((each) => evidenceLines(each, style)),
    ...(left > 0 ? [style.quiet(`     and ${left} more, with --verbose`)] : []),
    ...(explainedBy === null ? [] : [style.quiet(`   a consequence of ${explainedBy}`)]),
    ...wrapped(fix.action, `   ${style.heading("fix")}: `, "        "),
    ...fix.commands.map((command) => `     $ ${command}`),
  ].join("\n");
}

/** One fact, with the place to look at behind it. */
export function evidenceLines({ text, file, line, column }: ReportedEvidence, style: Style): string[] {
  const place = [file, line, column].filter((each) => each !== null).join(":");
  const told = place === "" || text.includes(place) ? text : `${text} ${style.quiet(`(${place})`)}`;
  return wrapped(told, "   - ", "     ");
}
