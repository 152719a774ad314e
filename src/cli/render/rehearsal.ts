import type { RehearseReport } from "../../rehearse/report-schema.js";
import type { Style } from "./style.js";

type Message = RehearseReport["messages"][number];

/** What people read of a rehearsal: both halves, the messages of the first attestation, then the whole run. */
export function rehearsalText(report: RehearseReport, style: Style): string {
  const blocks = [
    headText(report),
    ...(report.messages.length === 0 ? [] : [report.messages.map(messageText).join("\n")]),
    ...report.failures.map((failure) => failureText(failure, style)),
    ...report.warnings.map(({ id, message }) => `${style.attention("warning")}: ${message} [${id}]`),
    endText(report, style),
  ];
  return `${blocks.join("\n\n")}\n`;
}

function headText({ halves, trust_domain: trustDomain }: RehearseReport): string {
  const half = (name: "server" | "agent") => {
    const {
      command,
      start_until_configured_ms: ms,
      peak_memory_mb: mb,
      checksum,
      stop_problem: problem,
    } = halves[name];
    const facts = [
      `configured in ${Math.round(ms)} ms`,
      ...(mb === null ? [] : [`peak ${Math.round(mb)} MB`]),
      `checksum ${checksum}`,
    ];
    const stop = problem === null ? "" : `\n                at unload: ${problem}`;
    return `  ${`${name} half`.padEnd(12)}  ${command.join(" ")}\n                ${facts.join(", ")}${stop}`;
  };
  return `NodeAttestor ${JSON.stringify(halves.server.name)}, trust domain ${trustDomain}\n${half("server")}\n${half("agent")}`;
}

const arrows: Record<Message["step"], string> = {
  payload: "agent  -> server  payload",
  challenge: "server -> agent   challenge",
  challenge_response: "agent  -> server  response",
  result: "server -> SPIRE   result",
};

/** One message of an attestation, a line or several. */
export function messageText(message: Message): string {
  const [first, ...more] = factLines(message);
  const head = `${message.took_ms.toFixed(1).padStart(9)} ms  ${arrows[message.step].padEnd(27)}  ${first}`;
  return [head, ...more.map((line) => `${" ".repeat(14)}${line}`)].join("\n");
}

function factLines({ step, facts, bytes }: Message): string[] {
  if (facts.form !== undefined) return [String(facts.form)];
  if (step === "result")
    return [String(facts.spiffe_id), ...(facts.selectors as string[]).map((selector) => `  ${selector}`)];
  if (step === "payload") return [`agent id ${facts.agent_id}, hash ${facts.hash_alg} (${bytes} bytes)`];
  if (step === "challenge") return [`nonce of ${facts.nonce_length} characters (${bytes} bytes)`];
  return quoteLines(facts, bytes);
}

function quoteLines(facts: Message["facts"], bytes: number): string[] {
  const head = `quote of ${facts.quote_length} characters (${bytes} bytes)`;
  const wrong = [facts.quote_form, facts.signature_form, facts.attest_form].filter((text) => text !== undefined);
  if (wrong.length > 0) return [head, ...wrong.map((text) => `  ${text}`)];
  const nonce = facts.nonce_matches ? "made for this nonce" : "NOT made for this nonce";
  return [
    head,
    `  signed with ${facts.sign_alg} and ${facts.sign_hash}, ${nonce}`,
    `  PCR ${(facts.pcrs as string[]).join(" ")}, digest ${facts.pcr_digest}`,
    `  resets ${facts.reset_count}, restarts ${facts.restart_count}, clock ${facts.clock_safe ? "safe" : "not safe"}`,
  ];
}

function failureText(failure: RehearseReport["failures"][number], style: Style): string {
  const times = failure.count === 1 ? "" : ` (${failure.count} times)`;
  const step = failure.step.replace("_", " ");
  return [
    `${style.bad("failed")}${times}: the ${failure.half} half, waiting for its ${step}`,
    statusText(failure),
    ...(failure.unheard === null
      ? []
      : ["the plugin itself ended too early for SPIRE to hear it:", statusText(failure.unheard)]),
    ...(failure.next_step === null ? [] : [`next: ${failure.next_step}`]),
  ].join("\n  ");
}

const statusText = ({ code, code_number: number, message }: { code: string; code_number: number; message: string }) =>
  `${code} (${number}): ${message}`;

function endText(report: RehearseReport, style: Style): string {
  const { attested, requested, in_flight: inFlight } = report;
  const isComplete = attested === requested;
  const paint = isComplete ? style.good : style.bad;
  const many =
    requested === 1 ? (attested === 1 ? "attested" : "not attested") : `${attested} of ${requested} attested`;
  const ended = [
    ...(report.interrupted ? ["interrupted"] : []),
    ...(report.stopped_because === null ? [] : [`stopped: ${report.stopped_because}`]),
  ];
  return [paint(many) + figures(report, inFlight), ...ended].join("\n");
}

function figures(report: RehearseReport, inFlight: number): string {
  const { p50_ms: p50, p95_ms: p95, per_second: rate, server_p50_ms: server, agent_p50_ms: agent } = report;
  if (p50 === null || p95 === null || server === null || agent === null) return "";
  const halves = `server half ${server.toFixed(1)} ms, agent half ${agent.toFixed(1)} ms`;
  if (report.requested === 1) return ` in ${p50.toFixed(1)} ms (${halves})`;
  return `, ${inFlight} in flight: ${rate?.toFixed(1)} per second, p50 ${p50.toFixed(1)} ms (${halves}), p95 ${p95.toFixed(1)} ms`;
}
