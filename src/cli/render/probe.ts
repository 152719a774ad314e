import type { ProbedCertificate, ProbedConnection, ProbeFinding, ProbeReport } from "../../probe/report-schema.js";
import type { Style } from "./style.js";

/** What people read of a probe: the server, then a block per connection, the verdict first. */
export function probeText(report: ProbeReport, style: Style, isVerbose: boolean): string {
  const reached = report.connections.filter(({ version }) => version !== null);
  const blocks = [
    ...serverBlock(report, reached, style),
    ...report.connections.map((each) => connectionBlock(each, report, style, isVerbose)),
    ...report.notes.map((note) => `${style.attention("note")}: ${note}`),
    endText(report, style),
  ];
  return `${blocks.join("\n\n")}\n`;
}

function serverBlock(report: ProbeReport, reached: readonly ProbedConnection[], style: Style): string[] {
  const first = reached.find(({ server_certificates: chain }) => chain.length > 0) ?? reached[0];
  if (first === undefined) return [];
  return [
    [
      style.heading(`${report.peer} at ${report.target}`),
      row("speaks", spoken(reached)),
      row("presents", ...first.server_certificates.map((each, at) => `${at}  ${certificateLine(each)}`)),
      ...nameRow(first, report),
      ...(report.server?.verdicts ?? []).map(({ library, ok, error }) =>
        row(`trust (${library})`, ok ? style.good(`ok with ${report.server?.ca_file}`) : style.bad(error ?? "refused")),
      ),
      row("asks", requestText(first)),
      ...(report.server?.findings ?? []).map((finding) => findingText(finding, style)),
    ].join("\n"),
  ];
}

/** One line per version seen: `TLS 1.3, TLS_AES_256_GCM_SHA384, x25519`. */
function spoken(reached: readonly ProbedConnection[]): string {
  const lines = reached.map(({ version, cipher_suite: suite, group, alpn }) =>
    [version, suite, group, alpn === null ? null : `ALPN ${alpn}`].filter((each) => each !== null).join(", "),
  );
  return [...new Set(lines)].join("; ");
}

function nameRow({ server_certificates: [leaf] }: ProbedConnection, report: ProbeReport): string[] {
  if (leaf === undefined) return [];
  return [row("names", leaf.sans.join(", ") || "none"), row("valid until", leaf.not_after ?? "unknown")].concat(
    report.server?.name_matches === true ? [] : [],
  );
}

function requestText({ certificate_request: request }: ProbedConnection): string {
  if (request === null) return "no client certificate";
  const names = request.ca_names.length === 0 ? "none sent" : request.ca_names.join("; ");
  return `for a client certificate; CA names: ${names}; ${request.signature_algorithms.length} signature schemes`;
}

function connectionBlock(connection: ProbedConnection, report: ProbeReport, style: Style, isVerbose: boolean): string {
  const { candidate, client_certificates: sent, timing_ms: timing } = connection;
  const offered = connection.versions_offered.length === 1 ? `, ${connection.versions_offered[0]} only` : "";
  const as = report.as === null || candidate === null ? "" : `, as ${report.as} would`;
  const title = `${candidate === null ? "no certificate" : candidate}${as}${offered}`;
  const lines = [
    `${style.heading(title)}: ${outcomeText(connection, report, style)}`,
    ...(candidate === null
      ? []
      : [
          row(
            "sent",
            ...(sent.length === 0 ? ["no certificate"] : sent.map((each, at) => `${at}  ${certificateLine(each)}`)),
          ),
        ]),
    ...connection.findings.map((finding) => findingText(finding, style)),
    row("timing", timingText(timing)),
    ...(isVerbose ? connection.messages.map(messageLine) : []),
  ];
  return lines.join("\n");
}

function outcomeText(connection: ProbedConnection, { peer }: ProbeReport, style: Style): string {
  const { outcome, alert, evidence, http } = connection;
  if (outcome === "unknown") return style.attention("no verdict");
  if (outcome === "refused" && alert !== null) {
    const side = alert.after === "request" ? "client's request" : `client's ${alert.after}`;
    return `${style.bad("refused")}: ${alert.name} (${alert.number}), sent by the ${peer} after the ${side}`;
  }
  const answer = http === null ? "" : ` (GET ${http.path}: ${http.status})`;
  const words = evidence.replaceAll("the server", `the ${peer}`);
  if (outcome === "refused") return `${style.bad("refused")}: ${words}${answer}`;
  return `${style.good("accepted")}: ${words}${answer}`;
}

function certificateLine({ subject, issuer, serial, sha256, eku }: ProbedCertificate): string {
  if (subject === "" && issuer === "") return `bytes that are no certificate (sha256 ${sha256})`;
  const usage = eku === null ? "" : `, for ${eku.join(" and ")}`;
  return `${subject}, issued by ${issuer}${usage}, serial ${serial}, sha256 ${sha256.slice(0, 16)}…`;
}

function findingText({ id, severity, message, hint }: ProbeFinding, style: Style): string {
  const paint = { error: style.bad, warning: style.attention, info: style.quiet }[severity];
  const lines = [`  ${paint(severity)}: ${message} [${id}]`, ...(hint === null ? [] : [`  fix: ${hint}`])];
  return lines.join("\n");
}

function timingText(timing: ProbedConnection["timing_ms"]): string {
  const steps = [
    ["connect", timing.connect],
    ["ServerHello", timing.server_hello],
    ["Finished", timing.finished],
    ["first byte", timing.first_byte],
  ] as const;
  const told = steps.filter(([, ms]) => ms !== null).map(([name, ms]) => `${name} ${ms?.toFixed(1)} ms`);
  return told.length === 0 ? "nothing was reached" : told.join(", ");
}

function messageLine({ from, name, bytes, at_ms: atMs }: ProbedConnection["messages"][number]): string {
  const arrow = from === "client" ? "->" : "<-";
  return `  ${atMs.toFixed(1).padStart(9)} ms  ${arrow} ${name}${bytes === 0 ? "" : ` (${bytes} bytes)`}`;
}

function row(label: string, ...lines: string[]): string {
  const [first = "none", ...more] = lines;
  return [`  ${label.padEnd(15)} ${first}`, ...more.map((line) => `${" ".repeat(18)}${line}`)].join("\n");
}

function endText({ connections, exit_code: exitCode }: ProbeReport, style: Style): string {
  const presented = connections.filter(({ candidate }) => candidate !== null);
  const counted = presented.length > 0 ? presented : connections;
  const accepted = counted.filter(({ outcome }) => outcome === "accepted").length;
  const what = presented.length > 0 ? "presented" : "without a certificate";
  const paint = exitCode === 0 ? style.good : style.bad;
  return paint(`${what}: ${accepted} of ${counted.length} accepted`);
}
