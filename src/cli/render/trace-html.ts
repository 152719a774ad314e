import type { TracedCertificate, TracedConnection, TraceTotals } from "../../trace/report-schema.js";
import { type LadderStep, ladder } from "./html/ladder.js";
import { Markup, markup } from "./html/markup.js";
import { pageClose, pageOpen } from "./html/page.js";
import { bytesText } from "./ladder.js";
import {
  alertWords,
  certificateDetails,
  certificateText,
  endpointText,
  negotiationText,
  outcomeWords,
  requestWords,
  stepWords,
  totalsNotes,
} from "./trace.js";

const style = `
.accepted { color: var(--good); } .refused, .not_tls { color: var(--bad); } .abandoned, .unfinished { color: var(--note); }
.alert { border-left: 4px solid var(--bad); padding-left: .75rem; } .fault { border-left: 4px solid var(--note); padding-left: .75rem; }
`;

/** Links to more refused connections than these help nobody, and a capture may hold any number. */
const mostListed = 500;

/** The page of a capture, written connection by connection. What it holds does not grow with the capture. */
export class TracePage {
  readonly #write: (text: string) => void;
  readonly #refused: Markup[] = [];

  constructor(write: (text: string) => void) {
    this.#write = write;
    write(`${pageOpen({ title: "TLS handshakes of a capture", style })}<main><h1>TLS handshakes of a capture</h1>
<p class="quiet"><a href="#refused">Refused connections</a> are listed at the end.</p>
`);
  }

  connections(connections: readonly TracedConnection[]): void {
    for (const connection of connections) {
      if (connection.outcome === "refused" && this.#refused.length < mostListed)
        this.#refused.push(listItem(connection));
    }
    this.#write(connections.map(sectionOf).join(""));
  }

  end(totals: TraceTotals, problems: readonly string[]): void {
    const { packets, tls_connections, refused } = totals;
    const notes = [...totalsNotes(totals), ...problems];
    const more = refused - this.#refused.length;
    this.#write(
      markup`<h2 id="refused">Refused connections</h2>
${this.#refused.length === 0 ? markup`<p>None.</p>` : markup`<ul>${this.#refused}</ul>`}${more > 0 && markup`<p>and ${more} more</p>`}
<p>${packets} packets, ${tls_connections} TLS connections, ${refused} refused</p>${notes.map((note) => markup`<p class="quiet">${note}</p>`)}</main>
${new Markup(pageClose())}`.text,
    );
  }
}

function listItem({ number, client, server, alert, server_role: role, fault }: TracedConnection): Markup {
  const why = [...(alert ? [alertWords(alert, role)] : []), ...(fault ? [fault.id] : [])].join("; ");
  return markup`<li><a href="#c${number}">#${number} ${endpointText(client)} → ${endpointText(server)}</a> ${why}</li>`;
}

function sectionOf(connection: TracedConnection): string {
  const { number, client, server, outcome, outcome_inferred, alert, fault } = connection;
  return markup`<section class="panel" id="c${number}"><h2>#${number} ${endpointText(client)} → ${endpointText(server)} <span class="${outcome}">${outcomeWords(outcome, outcome_inferred)}</span></h2>
<p class="quiet">${negotiationText(connection)}</p>
${certificates("Server", connection.server_certificates)}${paragraph(requestWords(connection))}${certificates("Client", connection.client_certificates)}
${alert && markup`<p class="alert">Alert: ${alertWords(alert, connection.server_role)}</p>`}
${connection.inferences.map((sentence) => markup`<p class="quiet">Likely: ${sentence}</p>`)}
${fault && markup`<p class="fault"><strong>${fault.id}</strong>: ${fault.title}<br>${fault.why}<br>${fault.advice}</p>`}
${connection.problems.map((problem) => markup`<p class="quiet">${problem}</p>`)}
${messages(connection)}</section>
`.text;
}

/** Folded where all went well, so that what did not stands out among many. */
function messages({ steps, outcome }: TracedConnection): Markup {
  const drawn = ladder(steps.map((step) => ladderStep(step, outcome === "accepted")));
  if (outcome !== "accepted") return drawn;
  return markup`<details><summary>${steps.length} messages</summary>${drawn}</details>`;
}

function ladderStep(
  { from, name, count, bytes, protection, packet, at_ms }: TracedConnection["steps"][number],
  isAccepted: boolean,
): LadderStep {
  const details = [
    `${at_ms.toFixed(3)} ms`,
    ...(bytes > 0 ? [bytesText(bytes)] : []),
    ...(protection === "clear" ? [] : [protection]),
    `packet ${packet}`,
  ];
  // Sealed, so its name unknown, the last alert of an accepted connection is its farewell.
  const isFailing = !isAccepted && name.startsWith("alert") && name !== "alert close_notify";
  return { from, name: stepWords(name, count), details, isFailing };
}

function certificates(side: string, presented: readonly TracedCertificate[]): Markup[] {
  return presented.map(
    (certificate, index) =>
      markup`<details><summary>${index === 0 ? `${side} certificate: ` : "above it: "}${certificateText(certificate)}</summary><p class="quiet">${certificateDetails(certificate)}</p></details>`,
  );
}

function paragraph(text: string | undefined): Markup | undefined {
  return text === undefined ? undefined : markup`<p>${text}</p>`;
}
