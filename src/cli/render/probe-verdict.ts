import type { ProbedConnection, ProbeReport } from "../../probe/report-schema.js";
import { row } from "./row.js";
import type { Style } from "./style.js";

/** `refused: unknown_ca (48), sent by the verifier after the client's Finished` */
export function outcomeText(connection: ProbedConnection, { peer }: ProbeReport, style: Style): string {
  const { outcome, evidence, http } = connection;
  if (outcome === "unknown") return style.attention("no verdict");
  const alert = outcome === "refused" ? alertText(connection) : undefined;
  if (alert !== undefined) return `${style.bad("refused")}: ${alert.name}, sent by the ${peer} ${alert.place}`;
  const answer = http === null ? "" : ` (GET ${http.path}: ${http.status})`;
  const words = evidence.replaceAll("the server", `the ${peer}`);
  if (outcome === "refused") return `${style.bad("refused")}: ${words}${answer}`;
  return `${style.good("accepted")}: ${words}${answer}`;
}

function alertText({ alert }: ProbedConnection): { name: string; place: string } | undefined {
  if (alert === null) return undefined;
  const side = alert.after === "request" ? "client's request" : `client's ${alert.after}`;
  return { name: `${alert.name} (${alert.number})`, place: `after the ${side}` };
}

export function problemRows({ problem }: ProbedConnection): string[] {
  if (problem === null) return [];
  return [
    row("because", `${problem.message} [${problem.code}]`),
    ...(problem.hint === null ? [] : [row("fix", problem.hint)]),
  ];
}

/** Many certificates at a glance: one line each, and the first that would do. */
export function verdictTable(report: ProbeReport, tried: readonly ProbedConnection[], style: Style): string {
  const accepted = tried.filter(({ outcome }) => outcome === "accepted");
  const width = Math.max(...tried.map(({ candidate }) => candidate?.length ?? 0));
  const count = `${accepted.length} of ${tried.length} certificates accepted by the ${report.peer} at ${report.target}`;
  const [first] = accepted;
  return [
    (accepted.length > 0 ? style.good : style.bad)(count),
    ...tried.map((each) => `  ${markOf(each, style)}  ${(each.candidate ?? "").padEnd(width)}  ${shortText(each)}`),
    ...(first === undefined ? [] : [`  use: --cert ${first.candidate} --key ${first.candidate_key}`]),
  ].join("\n");
}

/** Padded before it is painted: colour codes have no width. */
function markOf({ outcome }: ProbedConnection, style: Style): string {
  if (outcome === "unknown") return style.attention("no verdict");
  return outcome === "accepted" ? style.good("accepted  ") : style.bad("refused   ");
}

function shortText(connection: ProbedConnection): string {
  const { versions_offered: offered, findings, problem, http } = connection;
  const alert = alertText(connection);
  const parts = [
    offered.length === 1 ? `${offered[0]}:` : "",
    alert === undefined ? "" : `${alert.name} ${alert.place}`,
    connection.outcome === "accepted" && http !== null ? `GET ${http.path}: ${http.status}` : "",
    ...findings.map(({ id }) => `[${id}]`),
    problem === null ? "" : `[${problem.code}]`,
  ];
  return parts.filter((part) => part !== "").join(" ");
}
