import type { HttpAnswer } from "./connection-story.js";

const mostHeadBytes = 16_384;
const mostBodyBytes = 4096;

export type HttpProgress =
  | { state: "incomplete" }
  /** The peer answers with something else than HTTP/1. */
  | { state: "not-http" }
  | { state: "complete"; answer: HttpAnswer };

export function httpRequest(host: string, path: string): Buffer {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    "User-Agent: spire-keylime-probe",
    "Accept: */*",
    "Connection: close",
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

/**
 * Reads as much of a response as a diagnosis needs: the status line and the start of the body. `hasEnded` says that no
 * more bytes will come.
 */
export function readHttpAnswer(path: string, bytes: Buffer, hasEnded: boolean): HttpProgress {
  const text = bytes.toString("latin1");
  const status = /^HTTP\/1\.[01] (\d{3})[ \r]/.exec(text)?.[1];
  if (status === undefined) return couldBecomeHttp(text) && !hasEnded ? { state: "incomplete" } : { state: "not-http" };
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1 && !hasEnded && bytes.length < mostHeadBytes) return { state: "incomplete" };
  const body = headEnd === -1 ? "" : text.slice(headEnd + 4, headEnd + 4 + mostBodyBytes);
  const wanted = Math.min(contentLength(text.slice(0, headEnd)) ?? mostBodyBytes, mostBodyBytes);
  if (body.length < wanted && !hasEnded && headEnd !== -1) return { state: "incomplete" };
  return {
    state: "complete",
    answer: { method: "GET", path, status: Number(status), body, ...headersOf(text, headEnd) },
  };
}

function headersOf(text: string, headEnd: number): Pick<HttpAnswer, "server" | "dateMs"> {
  const head = headEnd === -1 ? text : text.slice(0, headEnd);
  const dateMs = Date.parse(headerOf(head, "date") ?? "");
  const server = headerOf(head, "server")
    ?.replaceAll(/[^\x20-\x7e]/g, "?")
    .slice(0, 100);
  return { server, dateMs: Number.isNaN(dateMs) ? undefined : dateMs };
}

function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}:[ \\t]*([^\\r\\n]*)`, "i").exec(head)?.[1];
}

function couldBecomeHttp(text: string): boolean {
  return text.length < 16 && "HTTP/1.".startsWith(text.slice(0, 7));
}

function contentLength(head: string): number | undefined {
  const value = /^(\d{1,9}) *$/.exec(headerOf(head, "content-length") ?? "")?.[1];
  return value === undefined ? undefined : Number(value);
}
