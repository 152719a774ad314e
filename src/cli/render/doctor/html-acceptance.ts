import type { EndpointFacts, TlsConnectionFacts } from "../../../doctor/facts/endpoints/endpoint-facts.js";
import { type Markup, markup } from "../html/markup.js";

/** Who accepted which certificate, as it was seen live: a row for each certificate, a column for each service. */
export function acceptanceTable(endpoints: readonly EndpointFacts[]): Markup | undefined {
  const asked = endpoints.filter(({ connections }) => connections.length > 0);
  if (asked.length === 0) return undefined;
  const names = [...new Set(asked.flatMap(({ connections }) => connections.map(nameOf)))];
  return markup`<table class="acceptance"><caption class="quiet">What each service made of each certificate. TLS comes first: what it refuses never reaches HTTP, where 403 is the answer to who presented none.</caption>
<thead><tr><th scope="col">presented</th>${asked.map(({ role }) => markup`<th scope="col">${role}</th>`)}</tr></thead>
<tbody>${names.map((name) => markup`<tr><th scope="row" class="path">${name}</th>${asked.map((endpoint) => cell(endpoint, name))}</tr>`)}</tbody></table>
`;
}

function nameOf({ presented }: TlsConnectionFacts): string {
  return presented?.name ?? "no certificate";
}

const tones = { accepted: "good", refused: "bad", unknown: "note" } as const;
const words = { accepted: "accepted", refused: "refused", unknown: "no verdict" } as const;

/** The last connection counts: it asked for more than the first. */
function cell({ connections }: EndpointFacts, name: string): Markup {
  const seen = connections.findLast((connection) => nameOf(connection) === name);
  if (seen === undefined) return markup`<td class="quiet">not tried</td>`;
  const { outcome, alert, http, evidence } = seen.probed;
  const why = alert !== null ? `${alert.name} (${alert.number})` : http !== null ? `HTTP ${http.status}` : evidence;
  return markup`<td><strong class="${tones[outcome]}">${words[outcome]}</strong> <span class="quiet">${why}</span></td>`;
}
