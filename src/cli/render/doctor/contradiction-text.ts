import type { DoctorReport, ReportedContradiction } from "../../../doctor/report-schema.js";
import type { Style } from "../style.js";
import { wrapped } from "../wrap.js";
import { evidenceLines } from "./finding-text.js";

export const contradictionsTitle = "Where the verifier's files and what it does exclude one another";

/** What a contradiction proves, as a sentence. */
export const proofWords: Record<ReportedContradiction["proves"], string> = {
  "verifier-config-drift": "the file was changed after the verifier had started (verifier-config-drift)",
  "verifier-overridden": "another source than the file is in force (verifier-overridden)",
  unknown:
    "neither that the file was changed after the start nor that another source is in force, though it must be one of them or another verifier",
};

/** Both facts of each contradiction and what they prove; nothing where files and behaviour agree. */
export function contradictionsText({ contradictions }: DoctorReport, style: Style): string[] {
  if (contradictions.length === 0) return [];
  const lines = contradictions.flatMap((each, at) => contradictionLines(each, at + 1, style));
  return [[style.heading(contradictionsTitle), ...lines].join("\n")];
}

function contradictionLines(contradiction: ReportedContradiction, number: number, style: Style): string[] {
  const { summary, says, seen, because, proves } = contradiction;
  return [
    ...wrapped(summary, `${number}. `, "   "),
    ...evidenceLines({ ...says, text: `the file: ${says.text}` }, style),
    ...evidenceLines({ ...seen, text: `seen: ${seen.text}` }, style),
    ...because.flatMap((each) => evidenceLines(each, style)),
    ...wrapped(proofWords[proves], `   ${style.heading("proves")}: `, "           "),
  ];
}
