import { connect } from "node:net";
import { errorText } from "../../../core/problem.js";
import { printable } from "../../../probe/connection-problem.js";
import { httpRequest, readHttpAnswer } from "../../../probe/http-answer.js";
import { looksLikeTls } from "../../../tls/record.js";
import type { PlainAnswer } from "./endpoint-facts.js";
import type { LiveOptions } from "./endpoint-plan.js";

export interface PlainRequest {
  host: string;
  port: number;
  path: string;
}

/** More than any answer that is looked at. */
const mostBytes = 0x10000;

/** The answer to one GET without TLS; `dateMs` is the peer's Date header. */
export interface TimedPlainAnswer {
  answer: PlainAnswer;
  dateMs: number | undefined;
}

/** Asks in plain HTTP. Resolves always, within the time-out. */
export function askPlain(request: PlainRequest, { timeoutMs, signal }: LiveOptions): Promise<TimedPlainAnswer> {
  const { host, port, path } = request;
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let bytes = Buffer.alloc(0);
    const finish = (answer: PlainAnswer, dateMs?: number): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      socket.destroy();
      resolve({ answer, dateMs });
    };
    const read = (hasEnded: boolean, why: string): void => {
      const told = readPlain(path, bytes, hasEnded, why);
      if (told !== undefined) finish(told.answer, told.dateMs);
    };
    const onAbort = (): void => read(true, "interrupted");
    const timer = setTimeout(() => read(true, `no answer within ${timeoutMs} ms`), timeoutMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    socket.once("connect", () =>
      socket.write(httpRequest(host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`, path)),
    );
    socket.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      read(bytes.length > mostBytes, "more than 64 KiB");
    });
    socket.once("end", () => read(true, "it closed the connection"));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      read(true, error.code === "ECONNRESET" ? "it reset the connection" : errorText(error)),
    );
  });
}

function readPlain(path: string, bytes: Buffer, hasEnded: boolean, why: string): TimedPlainAnswer | undefined {
  if (bytes.length === 0) return hasEnded ? told({ is: "nothing", text: why }) : undefined;
  if (bytes.length >= 3 && looksLikeTls(bytes)) return told({ is: "tls" });
  const progress = readHttpAnswer(path, bytes, hasEnded);
  if (progress.state === "not-http") return told({ is: "other", text: printable(bytes) });
  if (progress.state === "incomplete") return hasEnded ? told({ is: "other", text: printable(bytes) }) : undefined;
  const { status, body, server, dateMs } = progress.answer;
  return { answer: { is: "http", status, body, server }, dateMs };
}

const told = (answer: PlainAnswer): TimedPlainAnswer => ({ answer, dateMs: undefined });
