import { commonName } from "../../lab/common-name.js";
import type { Criterion, LabReport, Part, StoryEvent, WireCertificate, WireMessage } from "../../lab/report-schema.js";
import type { World } from "../../lab/world.js";
import { messageText } from "./rehearsal.js";
import type { Style } from "./style.js";
import { wrapped } from "./wrap.js";

/** The lab's story as text for people; every text ends with a line end. */
export class LabText {
  constructor(
    private readonly style: Style,
    /** Paths below it are shown without it, once `opening` has named it. */
    private readonly directory: string,
    /** Of the terminal. Sentences do not fill a wide one: long lines read badly. */
    columns = mostColumns,
  ) {
    this.#columns = Math.max(columns, leastColumns);
  }

  readonly #columns: number;

  opening(isReal: boolean, notices: readonly string[]): string {
    return lines([
      ...this.#wrapped(`${plot} ${isReal ? realCast : embeddedCast}`, "", ""),
      "",
      `Everything it writes is below ${this.directory}; paths are shown from there.`,
      ...notices.map((notice) => this.style.attention(`Note: ${notice}`)),
      ...(isReal ? [this.style.quiet("Starting keylime_registrar and keylime_verifier takes some seconds.")] : []),
    ]);
  }

  event(event: StoryEvent): string {
    return lines(this.#eventLines(event));
  }

  /** What was real, and the success criteria; the last line says how many are met. */
  summary({ parts, criteria, elapsed_ms }: LabReport, isReal: boolean): string {
    const { heading, quiet } = this.style;
    const met = criteria.filter((criterion) => criterion.met).length;
    const nameWidth = Math.max(...parts.map(({ name }) => name.length));
    return lines([
      "",
      heading("What was real, and what was embedded"),
      ...parts.map((part) => this.#part(part, nameWidth)),
      "",
      heading("The field report's success criteria"),
      ...criteria.flatMap((criterion) => this.#criterion(criterion)),
      "",
      ...this.#wrapped(
        `played in ${(elapsed_ms / 1000).toFixed(1)} s; ${keep}${isReal ? "" : `, ${onReal}`}`,
        "",
        "",
      ).map(quiet),
      `${met} of ${criteria.length} success criteria met`,
    ]);
  }

  /** Addresses, files and commands of a lab that was left running; its paths are whole, to be pasted. */
  kept({ files, agentId, ports, commands }: Pick<World, "files" | "agentId" | "ports" | "commands">): string {
    const at = (port: number) => `https://127.0.0.1:${port}`;
    return lines([
      "",
      this.style.heading("The lab goes on running; Ctrl-C ends it."),
      `   verifier        ${at(ports.verifier)}`,
      `   registrar       ${at(ports.registrarTls)}, for agents http://127.0.0.1:${ports.registrarHttp}`,
      `   Keylime agent   ${at(ports.keylimeAgent)}, UUID ${agentId}`,
      `   server.conf     ${files.spireServer.configFile}`,
      `   agent.conf      ${files.spireAgent.configFile}`,
      `   certificates    ${files.certs}`,
      ...commands().flatMap(({ what, command }) => ["", `# ${what}`, command]),
    ]);
  }

  #eventLines(event: StoryEvent): string[] {
    const { heading } = this.style;
    switch (event.type) {
      case "scene":
        return ["", heading(`${event.number}. ${event.title}`)];
      case "step":
        return this.#wrapped(event.text, "   ", "     ");
      case "file":
        return [`   ${this.#short(event.path)}`, ...event.lines.flatMap((line) => this.#fileLine(line))];
      case "call":
        return [`   ${event.call}`, ...this.#wrapped(callAnswer(event), "     ", "       ")];
      case "handshake":
        return [`   on the wire, ${event.leg}:`, ...this.#handshake(event.messages)];
      case "exchange":
        return event.messages
          .flatMap((message) => messageText(message).split("\n"))
          .flatMap((line) => this.#message(line));
      case "log":
        return this.#log(event);
      case "outcome":
        return this.#outcome(event);
    }
  }

  /** An error stays on one line, as its program printed it, so that it can be searched for. */
  #log({ source, level, text }: { source: string; level: string; text: string }): string[] {
    const label = `   [${source}, ${level}] `;
    if (level === "error") return [label + this.style.bad(this.#short(text))];
    return this.#wrapped(text, label, "       ").map(this.style.quiet);
  }

  #outcome({ as_expected, text, why }: Extract<StoryEvent, { type: "outcome" }>): string[] {
    const { good, bad } = this.style;
    const [mark, colour] = as_expected ? ["✓ ", good] : ["✗ not as expected: ", bad];
    return [
      ...this.#wrapped(mark + text, "   ", "     ").map(colour),
      ...(why === null ? [] : this.#wrapped(`why: ${why}`, "     ", "          ")),
    ];
  }

  #fileLine({ number, text, mark }: { number: number; text: string; mark?: string }): string[] {
    const { quiet, attention } = this.style;
    const line = `${String(number).padStart(8)}  ${this.#short(text.trim())}`;
    if (mark === undefined) return [quiet(line)];
    return [line, ...this.#wrapped(mark, "          ↑ ", "            ")].map(attention);
  }

  /** Messages that follow each other from one side share a line, save those that decide the story. */
  #handshake(messages: readonly WireMessage[]): string[] {
    const groups: WireMessage[][] = [];
    for (const message of messages) {
      const last = groups.at(-1);
      if (last !== undefined && !message.decisive && !last[0]!.decisive && last[0]!.from === message.from) {
        last.push(message);
      } else groups.push([message]);
    }
    return groups.flatMap((group) => {
      const arrow = group[0]!.from === "client" ? "     client ──▶ " : "            ◀── ";
      const text = this.#wrapped(group.map(wireText).join(", "), arrow, "                ");
      if (!group[0]!.decisive) return text.map(this.style.quiet);
      return text.map(group[0]!.name === "alert" ? this.style.bad : this.style.attention);
    });
  }

  /** Its columns stay; what does not fit goes on under the last one. */
  #message(line: string): string[] {
    const start = /^.* {2,}(?=\S)/.exec(line)?.[0] ?? "";
    return wrapped(line.slice(start.length), start, " ".repeat(16), this.#columns);
  }

  #part({ name, kind, detail }: Part, nameWidth: number): string {
    const label = kind === "real" ? this.style.good("real    ") : this.style.attention("embedded");
    return `   ${label}  ${name.padEnd(nameWidth)}  ${this.style.quiet(detail)}`;
  }

  #criterion({ title, met, evidence }: Criterion): string[] {
    const mark = met ? this.style.good("✓") : this.style.bad("✗");
    return [`   ${mark} ${title}`, ...this.#wrapped(evidence, "     ", "     ").map(this.style.quiet)];
  }

  #short(text: string): string {
    return text.replaceAll(`${this.directory}/`, "");
  }

  #wrapped(text: string, first: string, indent: string): string[] {
    return wrapped(this.#short(text), first, indent, Math.min(this.#columns, sentenceWidth));
  }
}

const leastColumns = 60;
const mostColumns = 120;
const sentenceWidth = 110;

const plot =
  'A field report: the operator of SPIRE and Keylime configures the Keylime plugin\'s client certificate, SPIRE starts without a word, and every attestation ends in "remote error: tls: unknown certificate authority". Here it happens again, the cause is shown, and this plugin attests with the very same file.';
const embeddedCast =
  "SPIRE, Keylime, the Go plugin of the report and the TPM are stand-ins of this program; this plugin, the files and TLS are real. The list at the end says which is which.";
const realCast =
  "SPIRE and Keylime are the programs on PATH; the Go plugin of the report, the Keylime agent and its TPM are stand-ins of this program. The list at the end says which is which.";
const keep = "--keep leaves it running to look around";
const onReal = "--real plays on the SPIRE and Keylime on PATH";

const lines = (all: readonly string[]): string => `${all.join("\n")}\n`;

function callAnswer({ presenting, answer }: { presenting: string | null; answer: string }): string {
  return `presenting ${presenting ?? "no certificate"} → ${answer}`;
}

function wireText({ name, detail, certificates }: WireMessage): string {
  const said = certificates === undefined ? detail : certificatesText(certificates);
  if (said === undefined) return name;
  return name === "alert" ? `alert: ${said}` : `${name} (${said})`;
}

function certificatesText([leaf, ...others]: readonly WireCertificate[]): string {
  if (leaf === undefined) return "none presented";
  const rest = others.length === 0 ? "" : `, with ${others.length} intermediate`;
  return `${commonName(leaf.subject)}, issued by ${commonName(leaf.issuer)}, serial ${leaf.serial}${rest}`;
}
