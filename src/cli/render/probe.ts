import { listed } from "../../core/listed.js";
import type { ProbedCertificate, ProbedConnection, ProbeFinding, ProbeReport } from "../../probe/report-schema.js";
import { bytesText, ladderLines } from "./ladder.js";
import { outcomeText, problemRows, verdictTable } from "./probe-verdict.js";
import { row } from "./row.js";
import type { Style } from "./style.js";
import { wrapped } from "./wrap.js";

/** What people read of a probe: the answer, the server, then how the handshakes went. Empty when nothing answered. */
export function probeText(report: ProbeReport, style: Style, isVerbose: boolean): string {
  const reached = report.connections.filter(({ version }) => version !== null);
  if (report.connections.every(({ problem }) => problem !== null) && reached.length === 0) return "";
  const presented = report.connections.filter(({ candidate }) => candidate !== null);
  const answers = presented.length > 0 ? presented : report.connections;
  const isTable = new Set(answers.map(({ candidate }) => candidate)).size > 1;
  const blocks = [
    ...(isTable ? [verdictTable(report, answers, style)] : []),
    ...answers
      .filter(({ outcome, findings }) => !isTable || outcome !== "accepted" || findings.length > 0)
      .map((each) => answerBlock(each, report, style)),
    ...(presented.length > 0 ? [compareText(report, style)] : []),
    ...serverBlock(report, reached, style),
    ...(isVerbose ? report.connections : isTable ? [] : answers).map((each) => ladderBlock(each, report, style)),
    ...(report.notes.length === 0
      ? []
      : [[style.heading("not tried"), ...report.notes.map((note) => `  ${note}`)].join("\n")]),
  ];
  return `${blocks.join("\n\n")}\n`;
}

/** What became of one certificate, what was really sent, why, and what to do. */
function answerBlock(connection: ProbedConnection, report: ProbeReport, style: Style): string {
  const { candidate, client_certificates: sent, findings, as_differences: differences } = connection;
  const chain = sent.length === 0 ? ["no certificate"] : sent.map((each, at) => `${at}  ${certificateLine(each)}`);
  return [
    `${style.heading(titleOf(connection, report))}: ${outcomeText(connection, report, style)}`,
    ...problemRows(connection),
    ...(candidate === null ? [] : [row("sent", ...chain)]),
    ...differences.map((each) => row(`as ${report.as}`, each)),
    ...findings.flatMap((finding) => findingRows(finding, style)),
  ].join("\n");
}

function titleOf({ candidate, versions_offered: offered }: ProbedConnection, { as }: ProbeReport): string {
  const only = offered.length === 1 ? `, ${offered[0]} only` : "";
  return `${candidate ?? "without a certificate"}${as === null || candidate === null ? "" : `, as ${as}`}${only}`;
}

/** The connection without a certificate tells whether it is the certificate that is refused. */
function compareText(report: ProbeReport, style: Style): string {
  return report.connections
    .filter(({ candidate }) => candidate === null)
    .map((each) => `${style.heading(titleOf(each, report))}: ${outcomeText(each, report, style)}`)
    .join("\n");
}

function serverBlock(report: ProbeReport, reached: readonly ProbedConnection[], style: Style): string[] {
  const first = reached.find(({ server_certificates: chain }) => chain.length > 0) ?? reached[0];
  if (first === undefined) return [];
  const { server, as } = report;
  return [
    [
      style.heading(`${report.peer} at ${report.target}`),
      row("speaks", spoken(reached)),
      row("presents", ...first.server_certificates.map((each, at) => `${at}  ${certificateLine(each)}`)),
      ...nameRow(first),
      ...(server?.verdicts ?? []).map(({ library, ...verdict }) =>
        row(`trust (${library})`, trustText(verdict, report, style)),
      ),
      ...(server?.as_verdict == null ? [] : [row(`as ${as}`, takenText(server.as_verdict, report, style))]),
      row("asks", ...requestLines(first)),
      ...(server?.findings ?? []).flatMap((finding) => findingRows(finding, style)),
    ].join("\n"),
  ];
}

type Verdict = { ok: boolean; error: string | null };

const trustText = ({ ok, error }: Verdict, { server }: ProbeReport, style: Style): string =>
  ok ? style.good(`ok with ${server?.ca_file}`) : style.bad(error ?? "refused");

const takenText = ({ ok, error }: Verdict, { peer, as }: ProbeReport, style: Style): string =>
  ok ? style.good(`a ${as} client takes this ${peer}`) : style.bad(`a ${as} client refuses this ${peer}: ${error}`);

/** One line per version seen: `TLS 1.3, TLS_AES_256_GCM_SHA384, x25519`. */
function spoken(reached: readonly ProbedConnection[]): string {
  const lines = reached.map(({ version, cipher_suite: suite, group, alpn }) =>
    [version, suite, group, alpn === null ? null : `ALPN ${alpn}`].filter((each) => each !== null).join(", "),
  );
  return [...new Set(lines)].join("; ");
}

function nameRow({ server_certificates: [leaf] }: ProbedConnection): string[] {
  if (leaf === undefined) return [];
  return [row("names", leaf.sans.join(", ") || "none"), row("valid until", leaf.not_after ?? "unknown")];
}

function requestLines({ certificate_request: request }: ProbedConnection): string[] {
  if (request === null) return ["for no client certificate"];
  const names = request.ca_names.length === 0 ? "none sent" : request.ca_names.join("; ");
  return [
    `for a client certificate; CA names: ${names}`,
    ...wrapped(request.signature_algorithms.join(", ") || "none", "signatures: ", ""),
  ];
}

function certificateLine({ subject, issuer, serial, sha256, eku }: ProbedCertificate): string {
  if (subject === "" && issuer === "") return `bytes that are no certificate (sha256 ${sha256})`;
  const usage = eku === null ? "" : `, for ${listed(eku)}`;
  return `${subject}, issued by ${issuer}${usage}, serial ${serial}, sha256 ${sha256.slice(0, 16)}…`;
}

function findingRows({ id, severity, message, hint }: ProbeFinding, style: Style): string[] {
  const paint = { error: style.bad, warning: style.attention, info: style.quiet }[severity];
  const label = severity === "error" ? "cause" : severity;
  return [row(label, `${paint(message)} [${id}]`), ...(hint === null ? [] : [row("fix", hint)])];
}

function ladderBlock(connection: ProbedConnection, report: ProbeReport, style: Style): string {
  const rungs = connection.messages.map(({ from, name, bytes, at_ms: atMs }) => ({
    from,
    words: name,
    atMs,
    notes: [bytes === 0 ? "" : bytesText(bytes)],
  }));
  return [
    `${style.heading(`handshake, ${titleOf(connection, report)}`)} (milliseconds; ${timingText(connection.timing_ms)})`,
    ...ladderLines(rungs, style),
  ].join("\n");
}

function timingText(timing: ProbedConnection["timing_ms"]): string {
  const steps = [
    ["connected after", timing.connect],
    ["ServerHello after", timing.server_hello],
    ["Finished after", timing.finished],
    ["first byte after", timing.first_byte],
  ] as const;
  const told = steps.filter(([, ms]) => ms !== null).map(([name, ms]) => `${name} ${ms?.toFixed(1)}`);
  return told.length === 0 ? "nothing was reached" : told.join(", ");
}
