import type { DoctorReport } from "../../../doctor/report-schema.js";
import { type Markup, markup } from "../html/markup.js";
import { verdictSentence } from "./trust-text.js";

type Leg = DoctorReport["legs"][number];
type End = Leg["client"];

/** What the files and the chains seen live decide on each leg: a row for each, a column for each side's verdict. */
export function trustTable(legs: readonly Leg[]): Markup | undefined {
  const judged = legs.filter(({ client, server }) =>
    [client, server].some(({ verdict }) => verdict.outcome !== "unknown"),
  );
  if (judged.length === 0) return undefined;
  const rest = legs.length - judged.length;
  const others = rest === 0 ? "" : ` Of ${rest} more not enough is configured here to judge either side.`;
  return markup`<table class="acceptance"><caption class="quiet">What each side's TLS library makes of what the other presents.${others}</caption>
<thead><tr><th scope="col">leg</th><th scope="col">the client of the server</th><th scope="col">the server of the client</th></tr></thead>
<tbody>${judged.map(({ id, client, server }) => markup`<tr><th scope="row">${legWords(id)}</th>${cell(client, server)}${cell(server, client)}</tr>`)}</tbody></table>
`;
}

/** `plugin->verifier` may be broken behind its arrow and nowhere else. */
function legWords(id: string): Markup {
  const [client, server] = id.split("->");
  return server === undefined ? markup`${id}` : markup`${client}-&gt;<wbr>${server}`;
}

const tones = { accepts: "good", refuses: "bad", "does-not-look": "note", unknown: "note" } as const;
const words = { accepts: "accepts", refuses: "refuses", "does-not-look": "does not look", unknown: "unknown" } as const;

function cell(judge: End, presenter: End): Markup {
  const { outcome } = judge.verdict;
  return markup`<td><strong class="${tones[outcome]}">${words[outcome]}</strong> <span class="quiet">${verdictSentence(judge, presenter)}</span></td>`;
}
