import type { ReportedEvidence, ReportedFinding } from "../../../doctor/report-schema.js";
import { type Markup, markup } from "../html/markup.js";

const tones = { error: "bad", warning: "note", info: "info" } as const;

/** One finding: what is wrong, what proves it, what mends it. */
export function findingPanel(finding: ReportedFinding, number: number): Markup {
  const {
    id,
    severity,
    title,
    summary,
    evidence,
    fix,
    leg,
    other_legs: otherLegs,
    explained_by: explainedBy,
  } = finding;
  return markup`<article class="panel ${tones[severity]}"><h3>${number}. <code>${id}</code> <span class="badge ${tones[severity]}">${severity}</span></h3>
<p class="quiet">${[title, ...(leg === null ? [] : [[leg, ...otherLegs].join(", ")])].join("; ")}</p>
<p><strong>${summary}</strong></p>
${evidence.length > 0 && markup`<ul>${evidence.map(evidenceItem)}</ul>`}
${explainedBy !== null && markup`<p class="quiet">A consequence of <code>${explainedBy}</code>.</p>`}
<p><strong>Fix:</strong> ${fix.action}</p>
${fix.commands.map(commandBlock)}</article>
`;
}

/** A command to copy. */
export function commandBlock(command: string): Markup {
  return markup`<div class="command"><pre>${command}</pre></div>`;
}

export function evidenceItem({ text, file, line, column, certificate, probe }: ReportedEvidence): Markup {
  const place = [file, line, column].filter((each) => each !== null).join(":");
  return markup`<li>${text}${place !== "" && !text.includes(place) && markup` <code>${place}</code>`}${
    certificate !== null &&
    markup`<br><span class="quiet">serial ${certificate.serial}, sha256 ${certificate.sha256}, from ${certificate.file}</span>`
  }${probe !== null && !text.includes(probe.result) && markup`<br><span class="quiet">${probe.endpoint}, presenting ${probe.presented}: ${probe.result}</span>`}</li>`;
}
