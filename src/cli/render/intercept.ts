import type { InterceptedCertificate, InterceptedConnection } from "../../intercept/report-schema.js";
import type { Style } from "./style.js";

/** One connection: who came and what it presented, what is wrong with that, then the rest. */
export function interceptedText(connection: InterceptedConnection, style: Style): string {
  const { finding, alert, client_certificates: chain } = connection;
  const lines = [
    `${style.heading(`${connection.at}  ${connection.remote_address ?? "?"}:${connection.remote_port ?? "?"}`)}  ${verdictText(connection, style)}`,
    ...chain.map((each, at) => row(at === 0 ? "certificate" : "above it", certificateText(each))),
    ...(finding === null ? [] : [row("finding", `${style.attention(finding.message)} [${finding.id}]`)]),
    ...(finding?.hint == null ? [] : [row("fix", finding.hint)]),
    ...detailRows(connection),
    row("client", clientText(connection)),
    row("agreed", agreedText(connection)),
    ...(alert === null
      ? []
      : [
          row(
            "alert",
            `${alert.name} (${alert.number}), sent by ${alert.from === "client" ? "the client" : "this stand-in"}`,
          ),
        ]),
    ...requestRows(connection, style),
  ];
  return `${lines.join("\n")}\n\n`;
}

function verdictText({ presented, key_proven: isProven }: InterceptedConnection, style: Style): string {
  if (presented === "none") return style.attention("presented no certificate");
  if (presented === "not_reached") return style.bad("left before it presented anything");
  if (isProven === null) return style.bad("presented a certificate and did not prove its key");
  return isProven
    ? style.good("presented a certificate and proved its key")
    : style.bad("presented a certificate whose key it does not hold");
}

function detailRows({ client_certificates: [leaf] }: InterceptedConnection): string[] {
  if (leaf === undefined) return [];
  return [
    row("valid", `${leaf.not_before ?? "?"} to ${leaf.not_after ?? "?"}`),
    row("usage", leaf.eku === null ? "not limited" : leaf.eku.join(", ")),
    row("names", leaf.sans.join(", ") || "none"),
  ];
}

function clientText({
  looks_like: stack,
  server_name: name,
  alpn_offered: alpn,
  client_hello: hello,
}: InterceptedConnection): string {
  if (hello === null) return "sent no ClientHello";
  const facts = [
    stack === null ? "a TLS library not met before" : `looks like ${stack}`,
    `server name ${name ?? "not sent"}`,
    `ALPN ${alpn.length === 0 ? "not offered" : alpn.map((each) => JSON.stringify(each).slice(1, -1)).join(" ")}`,
    `offers ${hello.versions.join(", ")}`,
  ];
  return facts.join("; ");
}

function agreedText({ version, cipher_suite: suite, group }: InterceptedConnection): string {
  return version === null ? "nothing: the handshake did not come that far" : [version, suite, group].join(", ");
}

function requestRows(
  { request, status, answered_by: by, upstream_problem: problem }: InterceptedConnection,
  style: Style,
): string[] {
  const rows: string[] = [];
  if (request !== null) {
    const answer =
      status === null ? "no answer" : `${status} from ${by === "upstream" ? "the server behind" : "this stand-in"}`;
    rows.push(row("request", `${request}: ${answer}`));
  }
  if (problem !== null) rows.push(row("upstream", style.bad(problem)));
  return rows;
}

function certificateText({ subject, issuer, serial, sha256 }: InterceptedCertificate): string {
  return `${subject}, issued by ${issuer}, serial ${serial}, sha256 ${sha256.slice(0, 16)}…`;
}

function row(label: string, text: string): string {
  return `  ${label.padEnd(12)} ${text}`;
}

export function interceptSummaryText(counts: {
  connections: number;
  presented: number;
  none: number;
  left: number;
}): string {
  const { connections, presented, none, left } = counts;
  return `${connections} ${connections === 1 ? "connection" : "connections"}: ${presented} with a certificate, ${none} without, ${left} left before that\n`;
}
