import type { TracedCertificate, TracedConnection, TraceTotals } from "../../trace/report-schema.js";
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

/** Text that is HTML already. */
class Html {
  constructor(readonly text: string) {}
}

type Value = string | number | Html | readonly Html[] | undefined | null;

/** A template literal whose values are escaped unless they are HTML already; undefined prints nothing. */
function html(parts: TemplateStringsArray, ...values: Value[]): Html {
  return new Html(parts.reduce((text, part, i) => text + valueText(values[i - 1]) + part));
}

function valueText(value: Value): string {
  if (value === undefined || value === null) return "";
  if (value instanceof Html) return value.text;
  if (typeof value === "object") return value.map(({ text }) => text).join("");
  return String(value).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const style = new Html(`
:root { color-scheme: light dark; --ink: #1c2024; --quiet: #5b6570; --paper: #fff; --line: #d5dae0; --good: #18794e; --bad: #c62a2f; --note: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --quiet: #9aa4af; --paper: #16191d; --line: #343a41; --good: #4cc38a; --bad: #ff7b7f; --note: #f1b64c; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 0; overflow-wrap: anywhere; }
section { border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 1rem 0; }
.accepted { color: var(--good); } .refused, .not_tls { color: var(--bad); } .abandoned, .unfinished { color: var(--note); }
.quiet { color: var(--quiet); font-size: .85rem; overflow-wrap: anywhere; }
.alert { border-left: 4px solid var(--bad); padding-left: .75rem; } .fault { border-left: 4px solid var(--note); padding-left: .75rem; }
p { margin: .5rem 0; overflow-wrap: anywhere; }
ol.ladder { list-style: none; margin: 1rem 0 0; padding: 0; border-inline: 2px solid var(--line); }
ol.ladder li { padding: .25rem .5rem; display: flex; flex-direction: column; }
li.client { align-items: flex-start; } li.server { align-items: flex-end; text-align: right; }
li .name { font-family: ui-monospace, monospace; font-size: .9rem; }
li.client .name::after { content: " \\2192"; } li.server .name::before { content: "\\2190 "; }
li.bad .name { color: var(--bad); font-weight: 600; }
.ends { display: flex; justify-content: space-between; gap: 1rem; font-weight: 600; margin-top: 1rem; }
`);

export function htmlHead(): string {
  return `<!doctype html>
${
  html`<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>TLS handshakes of a capture</title><style>${style}</style></head><body><h1>TLS handshakes of a capture</h1>
`.text
}`;
}

export function htmlConnection(connection: TracedConnection): string {
  const { number, client, server, outcome, outcome_inferred, alert, fault } = connection;
  return html`<section id="c${number}"><h2>#${number} ${endpointText(client)} → ${endpointText(server)} <span class="${outcome}">${outcomeWords(outcome, outcome_inferred)}</span></h2>
<p class="quiet">${negotiationText(connection)}</p>
${certificates("Server", connection.server_certificates)}${paragraph(requestWords(connection))}${certificates("Client", connection.client_certificates)}
${alert && html`<p class="alert">Alert: ${alertWords(alert)}</p>`}
${connection.inferences.map((sentence) => html`<p class="quiet">Likely: ${sentence}</p>`)}
${fault && html`<p class="fault"><strong>${fault.id}</strong>: ${fault.title}<br>${fault.why}<br>${fault.advice}</p>`}
${connection.problems.map((problem) => html`<p class="quiet">${problem}</p>`)}
<div class="ends"><span>client</span><span>server</span></div><ol class="ladder">${connection.steps.map(step)}</ol></section>
`.text;
}

function step({ from, name, count, bytes, protection, packet, at_ms }: TracedConnection["steps"][number]): Html {
  const details = [
    `${at_ms.toFixed(3)} ms`,
    bytes > 0 && `${bytes} bytes`,
    protection !== "clear" && protection,
    `packet ${packet}`,
  ];
  const tone = name.startsWith("alert") && name !== "alert close_notify" ? "bad" : "";
  return html`<li class="${from} ${tone}"><span class="name">${stepWords(name, count)}</span><span class="quiet">${details.filter(Boolean).join(", ")}</span></li>`;
}

function certificates(side: string, presented: readonly TracedCertificate[]): Html[] {
  return presented.map(
    (certificate, index) =>
      html`<p>${index === 0 ? `${side} certificate: ` : "above it: "}${certificateText(certificate)}<br><span class="quiet">${certificateDetails(certificate)}</span></p>`,
  );
}

function paragraph(text: string | undefined): Html | undefined {
  return text === undefined ? undefined : html`<p>${text}</p>`;
}

export function htmlTail(
  { packets, tls_connections, refused, ...totals }: TraceTotals,
  problems: readonly string[],
): string {
  const notes = [...totalsNotes({ packets, tls_connections, refused, ...totals }), ...problems];
  return html`<p>${packets} packets, ${tls_connections} TLS connections, ${refused} refused</p>${notes.map((note) => html`<p class="quiet">${note}</p>`)}</body></html>
`.text;
}
