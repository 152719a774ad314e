import { closeSync, openSync, writeSync } from "node:fs";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { errorText, Problem } from "../../core/problem.js";
import { parseAddress } from "../../trace/address.js";
import { KeyLog } from "../../trace/key-log.js";
import type { TracedConnection, TraceTotals } from "../../trace/report-schema.js";
import { CaptureTrace } from "../../trace/trace-capture.js";
import { exitCodes, type Io } from "../io.js";
import { styleFor } from "../render/style.js";
import { connectionText, totalsText } from "../render/trace.js";
import { htmlConnection, htmlHead, htmlTail } from "../render/trace-html.js";
import { TraceJson } from "../render/trace-json.js";
import { InOrder } from "./trace-order.js";

export interface TraceCommandOptions {
  keylog?: string;
  port?: number;
  host?: string;
  follow?: boolean;
  html?: string;
  json?: boolean;
}

/** Reads a capture to its end, or until Ctrl-C, and prints its TLS connections as they become known. */
export async function runTrace(file: string, options: TraceCommandOptions, io: Io): Promise<number> {
  const keyLog = await loadKeyLog(options.keylog);
  const address = addressOption(options.host);
  const source = await openSource(file);
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
    await source.close();
  }
}

/** What is printed where: text or JSON to stdout, ladders to the HTML file. */
class TraceOutput {
  readonly #io: Io;
  readonly #inOrder: InOrder;
  readonly #json: TraceJson | undefined;
  readonly #html: number | undefined;

  constructor(options: TraceCommandOptions, io: Io) {
    this.#io = io;
    this.#json = options.json ? new TraceJson((text) => io.out(text)) : undefined;
    this.#html = options.html === undefined ? undefined : openHtml(options.html);
    this.#inOrder = new InOrder(options.follow ? 0 : undefined, (connection) => this.#print(connection));
    if (this.#html !== undefined) writeSync(this.#html, htmlHead());
  }

  connection(connection: TracedConnection): void {
    this.#inOrder.add(connection);
  }

  end(totals: TraceTotals, problems: readonly string[]): void {
    this.#inOrder.flush();
    if (this.#html !== undefined) {
      writeSync(this.#html, htmlTail(totals, problems));
      closeSync(this.#html);
    }
    if (this.#json !== undefined) this.#json.end(totals, problems);
    else this.#io.out(totalsText(totals, problems, styleFor(this.#io)));
  }

  #print(connection: TracedConnection): void {
    if (this.#html !== undefined) writeSync(this.#html, htmlConnection(connection));
    if (this.#json !== undefined) this.#json.connection(connection);
    else this.#io.out(connectionText(connection, styleFor(this.#io)));
  }
}

interface Source {
  /** Bytes read into the buffer, 0 at the end. */
  read(target: Buffer): Promise<number>;
  close(): Promise<void>;
}

async function openSource(file: string): Promise<Source> {
  if (file === "-") return standardInput();
  let handle: FileHandle;
  try {
    handle = await open(file, "r");
  } catch (error) {
    throw cannotRead(file, error);
  }
  if ((await handle.stat()).isDirectory()) {
    await handle.close();
    throw new Problem("capture-missing", `cannot read capture ${JSON.stringify(file)}: it is a directory`, {
      culprit: "usage",
    });
  }
  return {
    async read(target) {
      try {
        return (await handle.read(target, 0, target.length, null)).bytesRead;
      } catch (error) {
        throw cannotRead(file, error);
      }
    },
    close: () => handle.close(),
  };
}

function cannotRead(file: string, cause: unknown): Problem {
  return new Problem("capture-missing", `cannot read capture ${JSON.stringify(file)}: ${errorText(cause)}`, {
    culprit: "usage",
    cause,
  });
}

/** Chunks of stdin, handed out in the sizes the reader has room for. */
function standardInput(): Source {
  const chunks = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Buffer = Buffer.alloc(0);
  return {
    async read(target) {
      if (rest.length === 0) {
        const { value, done } = await chunks.next();
        if (done === true) return 0;
        rest = Buffer.from(value);
      }
      const length = rest.copy(target);
      rest = rest.subarray(length);
      return length;
    },
    close: async () => process.stdin.destroy() && undefined,
  };
}

async function readCapture(
  source: Source,
  trace: CaptureTrace,
  { follow }: TraceCommandOptions,
  io: Io,
): Promise<void> {
  const ticks = follow ? setInterval(() => trace.tick(Date.now()), 500) : undefined;
  const interrupted = new Promise<0>((resolve) => io.interrupted.addEventListener("abort", () => resolve(0)));
  try {
    while (!trace.isDamaged && !io.interrupted.aborted) {
      const length = await Promise.race([source.read(trace.space()), interrupted]);
      if (length === 0) return;
      trace.filled(length);
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
