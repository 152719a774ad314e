import type { PlayedLab } from "../../lab/lab.js";
import type { Criterion, LabReport, Part, StoryEvent, WireMessage } from "../../lab/story.js";
import type { RelayedMessage } from "../../rehearse/relay.js";
import type { Style } from "./style.js";

/** One event of the story as text for people; ends with a line end. */
export function storyEventText(event: StoryEvent, style: Style): string {
  switch (event.type) {
    case "scene":
      return `\n${style.heading(`${event.number}. ${event.title}`)}\n`;
    case "step":
      return `   ${event.text}\n`;
    case "file":
      return [`   ${event.path}`, ...event.lines.map((line) => fileLine(line, style))].join("\n").concat("\n");
    case "call":
      return `   ${event.call}\n     presenting ${event.presenting} ${style.quiet("→")} ${event.answer}\n`;
    case "handshake":
      return [`   on the wire, ${event.leg}:`, ...event.messages.map((message) => wireLine(message, style))]
        .join("\n")
        .concat("\n");
    case "exchange":
      return event.messages.map((message) => `${exchangeLine(message, style)}\n`).join("");
    case "log":
      return `   ${style.quiet(`[${event.source}, ${event.level}]`)} ${event.text}\n`;
    case "outcome":
      return `   ${event.asExpected ? style.good("✓") : style.bad("✗ not as expected:")} ${event.text}\n`;
  }
}

/** What was real, and the success criteria; the last line says how many are met. */
export function labSummaryText({ parts, criteria, elapsed_ms }: LabReport, style: Style): string {
  const met = criteria.filter((criterion) => criterion.met).length;
  return [
    "",
    style.heading("What was real, and what was embedded"),
    ...parts.map((part) => partLine(part, style)),
    "",
    style.heading("The field report's success criteria"),
    ...criteria.map((criterion) => criterionLine(criterion, style)),
    "",
    style.quiet(`played in ${(elapsed_ms / 1000).toFixed(1)} s`),
    `${met} of ${criteria.length} success criteria met`,
    "",
  ].join("\n");
}

/** Addresses, files and commands of a lab that was left running. */
export function keptLabText({ files, agentId, verifier, registrar, agent }: PlayedLab["world"]): string {
  const admin = `--cacert ${files.caFile} --cert ${files.verifierCert} --key ${files.verifierKey}`;
  return `
The lab goes on running; Ctrl-C ends it and removes its temporary directory.

  verifier        https://127.0.0.1:${verifier.address.port}
  registrar       https://127.0.0.1:${registrar.httpsAddress.port}, plain HTTP on ${registrar.httpAddress.port}
  Keylime agent   https://127.0.0.1:${agent.address.port}, UUID ${agentId}
  server.conf     ${files.serverConf}
  agent.conf      ${files.agentConf}

Try:
  curl ${admin} \\
    https://127.0.0.1:${verifier.address.port}/v2.5/agents/${agentId}
  openssl s_client -connect 127.0.0.1:${verifier.address.port} -CAfile ${files.caFile} \\
    -cert ${files.cvCa}/server-cert.crt -key ${files.cvCa}/server-private.pem
`;
}

function fileLine({ number, text, mark }: { number: number; text: string; mark?: string }, style: Style): string {
  const line = `   ${style.quiet(String(number).padStart(5))}  ${text.trim()}`;
  return mark === undefined ? line : `${style.attention(line)}\n            ${style.attention(`↑ ${mark}`)}`;
}

function wireLine({ from, name, detail, decisive }: WireMessage, style: Style): string {
  const arrow = from === "client" ? "client ──▶ " : "       ◀── ";
  const text = `     ${arrow}${name}${detail === undefined ? "" : `: ${detail}`}`;
  if (!decisive) return style.quiet(text);
  return name === "alert" ? style.bad(text) : style.attention(text);
}

function exchangeLine({ from, step, tookMs, facts }: RelayedMessage, style: Style): string {
  const arrow = { payload: "agent ──▶ server", challenge: "agent ◀── server" }[step as string];
  const direction = arrow ?? (from === "agent" ? "agent ──▶ server" : "SPIRE ◀── server");
  const told = Object.entries(facts).map(([key, value]) => `${key} ${Array.isArray(value) ? value.join(", ") : value}`);
  return `     ${direction}  ${step.replaceAll("_", " ")} ${style.quiet(`(${tookMs.toFixed(0)} ms)`)} ${told.join("; ")}`;
}

function partLine({ name, kind, detail }: Part, style: Style): string {
  const label = kind === "real" ? style.good("real    ") : style.attention("embedded");
  return `   ${label}  ${name.padEnd(22)}  ${style.quiet(detail)}`;
}

function criterionLine({ title, met, evidence }: Criterion, style: Style): string {
  return `   ${met ? style.good("✓") : style.bad("✗")} ${title}\n       ${style.quiet(evidence)}`;
}
