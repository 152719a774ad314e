import type { DoctorReport } from "../../../doctor/report-schema.js";
import type { Style } from "../style.js";
import { wrapped } from "../wrap.js";

type Leg = DoctorReport["legs"][number];
type End = Leg["client"];

/** Who accepts what, and why not: a line for each side that could be judged. */
export function trustText({ legs }: DoctorReport, style: Style, isVerbose: boolean): string[] {
  const lines = legs.flatMap(({ id, client, server }) => [
    ...verdictLines(id, client, server, style, isVerbose),
    ...verdictLines(id, server, client, style, isVerbose),
  ]);
  return lines.length === 0 ? [] : [[style.heading("Who accepts what"), ...lines].join("\n")];
}

function verdictLines(id: Leg["id"], judge: End, presenter: End, style: Style, isVerbose: boolean): string[] {
  if (judge.verdict.outcome === "unknown" && !isVerbose) return [];
  const [first = "", ...more] = wrapped(`${id}: ${verdictSentence(judge, presenter)}`, "  ", "  ");
  return [`${signOf(judge.verdict, style)} ${first.slice(2)}`, ...more];
}

function signOf({ outcome }: End["verdict"], style: Style): string {
  return {
    accepts: style.good("√"),
    refuses: style.bad("×"),
    "does-not-look": style.attention("‼"),
    unknown: style.attention("?"),
  }[outcome];
}

/** `the verifier (Python's ssl) refuses CN=spire of the server plugin: … (INVALID_PURPOSE), depth 0; alert 43 …` */
export function verdictSentence({ name, library, verdict }: End, presenter: End): string {
  const what = `${presenter.presents[0]?.subject ?? "the certificate"} of ${presenter.name}`;
  switch (verdict.outcome) {
    case "accepts":
      return `${name} (${library}) accepts ${what}`;
    case "does-not-look":
      return `${name} (${library}) does not look at ${what}`;
    case "unknown":
      return `what ${name} makes of ${presenter.name} is not known: ${verdict.reason}`;
    case "refuses":
      return `${name} (${library}) refuses ${what}: ${refusalText(verdict)}`;
  }
}

function refusalText({ reason, error, depth, certificate, alert }: End["verdict"]): string {
  const at = depth === 0 || certificate === null ? "" : ` at ${certificate}`;
  const sent = alert === null ? "no alert, the connection is closed" : `alert ${alert.number} ${alert.name}`;
  return `${reason} (${error})${at}; ${sent}`;
}
