import type { ReportedContradiction } from "../../../doctor/report-schema.js";
import { type Markup, markup } from "../html/markup.js";
import { proofWords } from "./contradiction-text.js";
import { evidenceItem } from "./html-finding.js";

/** One contradiction: the file's side and the verifier's, and what they prove. */
export function contradictionPanel({ summary, says, seen, because, proves }: ReportedContradiction): Markup {
  return markup`<article class="panel note"><h3>${summary}</h3>
<ul>${evidenceItem({ ...says, text: `The file: ${says.text}` })}${evidenceItem({ ...seen, text: `Seen: ${seen.text}` })}${because.map(evidenceItem)}</ul>
<p><strong>Proves:</strong> ${proofWords[proves]}</p></article>
`;
}
