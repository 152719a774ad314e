import { closeSync, openSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { errorText, Problem } from "../../core/problem.js";
import { parseAddress } from "../../trace/address.js";
import { KeyLog } from "../../trace/key-log.js";
import type { TracedConnection, TraceTotals } from "../../trace/report-schema.js";
import { CaptureTrace } from "../../trace/trace-capture.js";
import { exitCodes, type Io } from "../io.js";
import { styleFor } from "../render/style.js";
import { connectionLine, connectionText, totalsText } from "../render/trace.js";
import { TracePage } from "../render/trace-html.js";
import { TraceJson } from "../render/trace-json.js";
import { InOrder } from "./trace-order.js";
import { type CaptureSource, openSource } from "./trace-source.js";

export interface TraceCommandOptions {
  keylog?: string;
  port?: number;
  host?: string;
  follow?: boolean;
  html?: string;
  json?: boolean;
  full?: boolean;
}

/** Accepted connections that are told in full; more are a list nobody reads, and the refused ones stand out among lines. */
const fullAccepted = 100;

/** Reads a capture to its end, or until Ctrl-C, and prints its TLS connections as they become known. */
export async function runTrace(file: string, options: TraceCommandOptions, io: Io): Promise<number> {
  const keyLog = await loadKeyLog(options.keylog);
  const address = addressOption(options.host);
  const source = openSource(file);
  try {
    const output = new TraceOutput(options, io);
    const trace = new CaptureTrace({
      keyLog,
      onConnection: (connection) => output.connection(connection),
      ...(options.port !== undefined && { port: options.port }),
      ...(address && { address }),
    });
    await readCapture(source, trace, options, io);
    const { totals, problems } = trace.finish();
    output.end(totals, problems);
    if (problems.length > 0 && trace.isDamaged) return exitCodes.couldNotCheck;
    return totals.refused > 0 ? exitCodes.findings : exitCodes.ok;
  } finally {
    source.close();
  }
}

/** What is printed where: text or JSON to stdout, ladders to the HTML file. */
class TraceOutput {
  readonly #io: Io;
  readonly #inOrder: InOrder;
  readonly #json: TraceJson | undefined;
  readonly #pageFile: number | undefined;
  readonly #page: TracePage | undefined;
  /** Accepted connections that may still be told in full, and those that were not. */
  #full: number;
  #shortened = 0;

  constructor(options: TraceCommandOptions, io: Io) {
    this.#io = io;
    this.#full = options.full ? Number.POSITIVE_INFINITY : fullAccepted;
    this.#json = options.json ? new TraceJson((text) => io.out(text)) : undefined;
    const file = options.html === undefined ? undefined : openHtml(options.html);
    this.#pageFile = file;
    this.#page = file === undefined ? undefined : new TracePage((text) => void writeSync(file, text));
    this.#inOrder = new InOrder(options.follow ? 0 : undefined, (connections) => this.#print(connections));
  }

  connection(connection: TracedConnection): void {
    this.#inOrder.add(connection);
  }

  end(totals: TraceTotals, problems: readonly string[]): void {
    this.#inOrder.flush();
    this.#page?.end(totals, problems);
    if (this.#pageFile !== undefined) closeSync(this.#pageFile);
    if (this.#json !== undefined) this.#json.end(totals, problems);
    else this.#io.out(totalsText(totals, problems, this.#shortened, styleFor(this.#io)));
  }

  #print(connections: readonly TracedConnection[]): void {
    this.#page?.connections(connections);
    if (this.#json !== undefined) this.#json.connections(connections);
    else this.#io.out(connections.map((connection) => this.#text(connection)).join(""));
  }

  #text(connection: TracedConnection): string {
    const style = styleFor(this.#io);
    if (connection.outcome !== "accepted" || this.#full-- > 0) return connectionText(connection, style);
    this.#shortened++;
    return connectionLine(connection, style);
  }
}

async function readCapture(
  source: CaptureSource,
  trace: CaptureTrace,
  { follow }: TraceCommandOptions,
  io: Io,
): Promise<void> {
  const ticks = follow ? setInterval(() => trace.tick(Date.now()), 500) : undefined;
  const interrupted = new Promise<0>((resolve) => io.interrupted.addEventListener("abort", () => resolve(0)));
  try {
    while (!trace.isDamaged && !io.interrupted.aborted) {
      const read = source.read(trace.space());
      const length = typeof read === "number" ? read : await Promise.race([read, interrupted]);
      if (length === 0) return;
      trace.filled(length);
      if (source.isPauseDue) await setImmediate();
    }
  } finally {
    clearInterval(ticks);
  }
}

async function loadKeyLog(file: string | undefined): Promise<KeyLog> {
  const keyLog = new KeyLog();
  if (file === undefined) return keyLog;
  try {
    keyLog.add(await readFile(file, "latin1"));
  } catch (cause) {
    throw new Problem("key-log-missing", `cannot read key log ${JSON.stringify(file)}: ${errorText(cause)}`, {
      culprit: "usage",
      cause,
    });
  }
  return keyLog;
}

function addressOption(host: string | undefined): Buffer | undefined {
  if (host === undefined) return undefined;
  const address = parseAddress(host);
  if (address !== undefined) return address;
  throw new Problem("usage", `cannot filter by host ${JSON.stringify(host)}: not an IP address`, {
    culprit: "usage",
    hint: "captures hold addresses, not names: give an IPv4 or IPv6 address",
  });
}

function openHtml(file: string): number {
  try {
    return openSync(file, "w", 0o644);
  } catch (cause) {
    throw new Problem("html-file", `cannot write ${JSON.stringify(file)}: ${errorText(cause)}`, {
      culprit: "usage",
      cause,
    });
  }
}
