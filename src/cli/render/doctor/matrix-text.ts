import type { MatrixCell, MatrixReport } from "../../../doctor/matrix/matrix-schema.js";
import type { Style } from "../style.js";

/** The table for people: a row per value of trusted_client_ca, a column per client. */
export function matrixText(report: MatrixReport, style: Style): string {
  const { clients, rows, verifier, program, api_version: api, request } = report;
  const who = verifier === "real" ? program : "the embedded verifier, which answers as Keylime 7.14.3 does";
  const head = ["trusted_client_ca", ...clients.map(({ id }) => id)];
  const body = rows.map((row) => [
    rowName(row),
    ...(row.starts ? row.cells.map(cellText) : [row.start_failure ?? "does not start"]),
  ]);
  const widths = head.map((title, column) =>
    Math.max(
      title.length,
      ...body.filter((row) => row.length === head.length || column === 0).map((row) => row[column]!.length),
    ),
  );
  const line = (cells: readonly string[], paint: (text: string) => string = String) =>
    cells
      .map((cell, column) => paint(cell.padEnd(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  return [
    style.heading("What the verifier makes of client certificates"),
    `${who}${api === null ? "" : `, API ${api}`}; each client asks ${request} over TLS 1.3`,
    "",
    line(head, style.heading),
    ...body.map((row, at) =>
      rows[at]!.starts
        ? line([row[0]!, ...row.slice(1)])
        : `${row[0]!.padEnd(widths[0]!)}  ${style.attention(`does not start: ${row[1]}`)}`,
    ),
    "",
    ...clients.map(({ id, presents }) => `${id.padEnd(18)}  ${presents}`),
    "",
    "403: taken for nobody. 404: taken for an admin, who asked for an agent that is not there. alert: refused in the handshake.",
    "",
  ].join("\n");
}

function rowName({ trusted_client_ca: value, meaning }: MatrixReport["rows"][number]): string {
  return value === null ? "(commented out)" : `${value}  ${meaning}`;
}

function cellText({ alert, http_status: status, reason }: MatrixCell): string {
  if (alert !== null) return `alert ${alert.number} ${alert.name}`;
  return status === null ? (reason ?? "no answer") : String(status);
}
