import { families } from "../../../doctor/checks/check.js";
import type { Facts } from "../../../doctor/facts/facts.js";
import { legsOf } from "../../../doctor/legs/legs-of.js";
import type { DoctorReport, ReportedJudgement } from "../../../doctor/report-schema.js";
import { type Markup, markup } from "../html/markup.js";
import { pageClose, pageOpen } from "../html/page.js";
import { contradictionsTitle } from "./contradiction-text.js";
import { familyTitles } from "./family-titles.js";
import { acceptanceTable } from "./html-acceptance.js";
import { contradictionPanel } from "./html-contradictions.js";
import { evidenceItem, findingPanel } from "./html-finding.js";
import { endpointPanel } from "./html-handshakes.js";
import { legPanel } from "./html-legs.js";
import { trustTable } from "./html-trust.js";

type ReportedCheck = DoctorReport["checks"][number];

const style = `
.verdict { font-size: 1.1rem; } .verdict .next { font-size: 1rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; list-style: none; padding: 0; }
h4 { font-size: 1rem; margin: 0; } figure { margin: .75rem 0; } figcaption { margin-bottom: .25rem; }
svg.chain { display: block; max-width: 100%; height: auto; }
svg.chain rect { fill: var(--panel); stroke: var(--strong); } svg.chain rect.missing { fill: none; stroke-dasharray: 5 4; }
svg.chain text { font: 13px system-ui, sans-serif; fill: var(--ink); } svg.chain text.name { font-weight: 600; }
svg.chain text.detail { fill: var(--quiet); font-size: 12px; } svg.chain path.up { fill: none; stroke: var(--strong); stroke-width: 1.5; }
.beside { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0 2rem; }
.legs { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21.5rem), 1fr)); gap: 0 2rem; }
@media (min-width: 56rem) { .beside { grid-template-columns: minmax(0, 21.5rem) minmax(0, 1fr); } }
table.acceptance { border-collapse: collapse; width: 100%; } .acceptance caption { text-align: left; margin-bottom: .5rem; }
.acceptance th, .acceptance td { text-align: left; vertical-align: top; padding: .4rem .5rem; border-top: 1px solid var(--line); }
@media (min-width: 30rem) {
  .acceptance thead th, .acceptance td strong { overflow-wrap: normal; word-break: keep-all; }
  .acceptance th.path[scope="row"] { min-width: 7rem; }
}
.acceptance th[scope="row"] { font-weight: 400; overflow-wrap: normal; word-break: keep-all; hyphens: none; }
.acceptance th.path[scope="row"] { overflow-wrap: anywhere; word-break: normal; } .acceptance .quiet { font-size: .82rem; }
.checks li { margin: .4rem 0; } .checks { list-style: none; padding: 0; }
`;

const page = { title: "Doctor's report: SPIRE and Keylime", style, hasCommands: true };

/** The report as one HTML file for people: the verdict first, then what proves it, every check folded at the end. */
export function doctorHtml(report: DoctorReport, facts: Facts): string {
  const parts = sections(report, facts);
  const body = markup`<header><h1>${page.title}</h1><p class="quiet">${subtitle(report)}</p></header>
<main>${verdict(report)}
<nav aria-label="Parts of the report"><ul>${parts.map(({ id, title }) => markup`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
${parts.map(({ id, title, content }) => markup`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>\n${content}</section>\n`)}</main>
`;
  return `${pageOpen(page)}${body.text}${pageClose(page)}`;
}

interface Section {
  id: string;
  title: string;
  content: Markup | readonly Markup[];
}

function sections(report: DoctorReport, facts: Facts): Section[] {
  const { endpoints } = facts;
  const legs = legsOf(facts, Date.parse(report.examined_at));
  const { causes, findings } = report;
  const others = findings.filter(({ stops_attestation: stops }) => !stops);
  const seen = endpoints.known ? endpoints.value : [];
  const acceptance = [acceptanceTable(seen), trustTable(report.legs)].filter((table) => table !== undefined);
  return [
    { id: "causes", title: "What stops attestation", content: causes.map((one, i) => findingPanel(one, i + 1)) },
    {
      id: "findings",
      title: "What else was found",
      content: others.map((one, i) => findingPanel(one, causes.length + i + 1)),
    },
    {
      id: "contradictions",
      title: contradictionsTitle,
      content: report.contradictions.map(contradictionPanel),
    },
    { id: "acceptance", title: "Who accepts what", content: acceptance },
    { id: "legs", title: "The chains, as the files have them", content: legs.map(legPanel) },
    { id: "handshakes", title: "The handshakes", content: seen.map(endpointPanel) },
    { id: "hypotheses", title: "What may stand behind a refused handshake", content: report.hypotheses.map(judgement) },
    { id: "questions", title: "What has to be known", content: report.questions.map(judgement) },
    { id: "checks", title: "All checks", content: families.map((family) => familyChecks(report, family)) },
    { id: "sources", title: "What was read", content: sourceList(report) },
  ].filter(({ content }) => !Array.isArray(content) || content.length > 0);
}

function subtitle({ version, examined_at: at, took_ms: took, root, offline }: DoctorReport): string {
  const where = root === null ? "this machine" : `the copy in ${root}`;
  const when = `${at.slice(0, 19).replace("T", " ")} UTC`;
  return `${where}${offline ? ", offline" : ""}; ${when}, in ${(took / 1000).toFixed(1)} s; spire-keylime ${version}`;
}

function verdict({ verdict: { outcome, cause, text, next_step: next }, causes, findings }: DoctorReport): Markup {
  const isStopped = outcome === "cause-found" || outcome === "refused";
  const tone = isStopped ? "bad" : outcome === "nothing-found" && findings.length === 0 ? "good" : "note";
  const more = causes.length > 1 ? `, and ${causes.length - 1} more` : "";
  return markup`<div class="panel verdict ${tone}"><p><strong class="${tone}">${text}${more}</strong>${cause !== null && markup` <code>${cause}</code>`}</p>
${next !== null && markup`<p class="next"><strong>Next:</strong> ${next}</p>`}</div>`;
}

/** The tone, what is said of one check, and of several. */
const outcomes = {
  found: ["bad", "found", "found"],
  clear: ["good", "clear", "clear"],
  unknown: ["note", "unknown", "unknown"],
  skipped: ["info", "does not apply", "do not apply"],
} as const;

function familyChecks({ checks }: DoctorReport, family: ReportedCheck["family"]): Markup {
  const own = checks.filter((check) => check.family === family);
  if (own.length === 0) return markup``;
  const told = (Object.keys(outcomes) as (keyof typeof outcomes)[])
    .map((outcome) => [outcomes[outcome], own.filter((check) => check.outcome === outcome).length] as const)
    .filter(([, count]) => count > 0)
    .map(([[, ofOne, ofMany], count]) => `${count} ${count === 1 ? ofOne : ofMany}`);
  return markup`<details><summary><h3>${familyTitles[family]}</h3> <span class="quiet">${told.join(", ")}</span></summary><ul class="checks">${own.map(checkItem)}</ul></details>
`;
}

function checkItem({ id, title, outcome, detail }: ReportedCheck): Markup {
  const [tone, word] = outcomes[outcome];
  return markup`<li><span class="badge ${tone}">${word}</span> ${title} <code>${id}</code>${detail !== null && markup`<br><span class="quiet">${detail}</span>`}</li>`;
}

const verdictTones = { confirmed: "info", refuted: "info", unknown: "note" } as const;

function judgement({ text, verdict: word, evidence }: ReportedJudgement): Markup {
  return markup`<details><summary><h3>${text}</h3> <span class="badge ${verdictTones[word]}">${word}</span></summary><ul>${evidence.map(evidenceItem)}</ul></details>
`;
}

function sourceList({ sources }: DoctorReport): Markup {
  return markup`<ul>${sources.map(({ what, source, problem }) => markup`<li>${what}: <code>${source}</code>${problem !== null && markup` <span class="note">${problem}</span>`}</li>`)}</ul>`;
}
