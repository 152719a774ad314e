import type { TracedAlert, TracedCertificate, TracedConnection, TraceTotals } from "../../trace/report-schema.js";
import { bytesText, ladderLines } from "./ladder.js";
import type { Style } from "./style.js";

/** A connection for people: who, what was presented, how it ended, what to do; then the ladder. */
export function connectionText(connection: TracedConnection, style: Style): string {
  const lines = [
    style.heading(
      `#${connection.number} ${endpointText(connection.client)} -> ${endpointText(connection.server)}  ${outcomeText(connection, style)}`,
    ),
    `   ${negotiationText(connection)}`,
    ...certificateLines("server", connection.server_certificates, style),
    ...requestLines(connection),
    ...certificateLines("client", connection.client_certificates, style),
    ...alertLines(connection, style),
    ...connection.inferences.map((sentence) => `   ${style.quiet("likely:")} ${sentence}`),
    ...faultLines(connection, style),
    ...connection.problems.map((problem) => `   ${style.attention("problem:")} ${problem}`),
    ...stepLines(connection, style),
  ];
  return `${lines.join("\n")}\n\n`;
}

/** One line for a connection of many that all went well. */
export function connectionLine(connection: TracedConnection, style: Style): string {
  const { number, client, server, started, version, client_certificates } = connection;
  const [leaf] = client_certificates;
  const presented = leaf === undefined ? "" : `, presented ${leaf.subject}`;
  const ends = `#${number} ${endpointText(client)} -> ${endpointText(server)}`;
  return `${ends}  ${outcomeText(connection, style)}  ${style.quiet(`${started}, ${version}${presented}`)}\n`;
}

export function endpointText({ address, port }: TracedConnection["client"]): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function outcomeText({ outcome, outcome_inferred }: TracedConnection, style: Style): string {
  const text = outcomeWords(outcome, outcome_inferred);
  if (outcome === "accepted") return style.good(text);
  return outcome === "refused" || outcome === "not_tls" ? style.bad(text) : style.attention(text);
}

export function outcomeWords(outcome: TracedConnection["outcome"], isInferred: boolean): string {
  return `${outcome === "not_tls" ? "not TLS" : outcome}${isInferred ? " (most likely)" : ""}`;
}

export function negotiationText(connection: TracedConnection): string {
  const { version, cipher_suite, server_name, alpn, decrypted, started, duration_ms, packets } = connection;
  const parts = [
    started,
    `${duration_ms} ms`,
    `${packets} packets`,
    version ?? "no version agreed",
    cipher_suite,
    server_name === null ? "no server name" : `server name ${server_name}`,
    alpn && `ALPN ${alpn}`,
    decrypted && "opened with the key log",
  ];
  return parts.filter((part) => typeof part === "string" && part !== "").join(", ");
}

function certificateLines(side: string, certificates: readonly TracedCertificate[], style: Style): string[] {
  return certificates.flatMap((certificate, index) => [
    `   ${index === 0 ? `${side} certificate` : `${" ".repeat(side.length + 4)}above it`}  ${certificateText(certificate)}`,
    `      ${style.quiet(certificateDetails(certificate))}`,
  ]);
}

export function certificateText({ subject, issuer, readable }: TracedCertificate): string {
  return readable ? `${subject}, issued by ${issuer}` : "a certificate that does not read";
}

export function certificateDetails({ serial, sha256, eku, not_after }: TracedCertificate): string {
  const usage = eku === null ? "no extended key usage" : eku.join(", ");
  return [serial && `serial ${serial}`, usage, not_after && `until ${not_after}`, `sha256 ${sha256}`]
    .filter(Boolean)
    .join("; ");
}

const answers = {
  presented: "asked for a client certificate; one was presented",
  none_sent: "asked for a client certificate; the client sent none",
  not_asked: "no client certificate was asked for",
  unknown: undefined,
} as const;

function requestLines(connection: TracedConnection): string[] {
  const words = requestWords(connection);
  return words === undefined ? [] : [`   ${words}`];
}

export function requestWords({
  client_certificate,
  client_certificate_requested,
  ca_names,
}: TracedConnection): string | undefined {
  const asked =
    client_certificate_requested === true ? "asked for a client certificate; its answer does not show" : undefined;
  const words = answers[client_certificate] ?? asked;
  if (words === undefined || ca_names === null) return words;
  return `${words}; ${ca_names.length === 0 ? "no CA names were sent with the request" : `CA names: ${ca_names.join(" | ")}`}`;
}

function alertLines({ alert, server_role }: TracedConnection, style: Style): string[] {
  return alert === null ? [] : [`   ${style.bad("alert")} ${alertWords(alert, server_role)}`];
}

const roleNames = { verifier: "verifier", registrar: "registrar", agent: "Keylime agent", other: "server" } as const;

/** `unknown_ca (48), sent by the verifier after the client's Finished: did not recognise …` */
export function alertWords(alert: TracedAlert, role: TracedConnection["server_role"]): string {
  const sender = alert.from === "client" ? "client" : roleNames[role];
  const place = alert.after_client_finished === true ? " after the client's Finished" : "";
  const sent = `sent by the ${sender}${place}`;
  if (alert.number === null) return `${alert.meaning}, ${sent}`;
  return `${alert.name} (${alert.number}), ${sent}: the ${sender} ${alert.meaning}`;
}

function faultLines({ fault }: TracedConnection, style: Style): string[] {
  if (fault === null) return [];
  return [
    `   ${style.attention(`points to ${fault.id}`)}: ${fault.title}`,
    `      ${fault.why}`,
    `      ${fault.advice}`,
  ];
}

function stepLines({ steps, dropped_steps }: TracedConnection, style: Style): string[] {
  const rungs = steps.map(({ from, name, count, bytes, protection, packet, at_ms }) => ({
    from,
    words: stepWords(name, count),
    atMs: at_ms,
    notes: [bytes === 0 ? "" : bytesText(bytes), protection === "clear" ? "" : protection, `packet ${packet}`],
  }));
  const lines = ladderLines(rungs, style);
  return dropped_steps === 0 ? lines : [...lines, `   ${style.quiet(`and ${dropped_steps} more`)}`];
}

export function stepWords(name: string, count: number): string {
  return count === 1 ? name : `${name} x${count}`;
}

export function totalsText(totals: TraceTotals, problems: readonly string[], shortened: number, style: Style): string {
  const counts = `${totals.packets} packets, ${totals.tls_connections} TLS connections, ${totals.refused} refused, ${totals.other_connections} others`;
  const notes = totalsNotes(totals);
  if (shortened > 0) notes.push(`${shortened} accepted connections in one line each: --full prints their ladders too`);
  return [style.heading(counts), ...notes, ...problems.map((problem) => style.bad(problem))].join("\n").concat("\n");
}

export function totalsNotes(totals: TraceTotals): string[] {
  const notes: [count: number, words: string][] = [
    [totals.malformed_packets, "malformed packets"],
    [totals.fragments, "IP fragments of TCP, which are not put together"],
    [totals.unknown_link_packets, "packets of a link type that is not read"],
    [totals.cut_packets, "packets cut by the capture: record with tcpdump -s 0"],
    [totals.told_early, "connections told before their end, because too many were open at once"],
  ];
  return notes.filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`);
}
