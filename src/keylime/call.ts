import { errorText } from "../core/problem.js";
import type { HttpRequest, HttpRequester } from "../net/http-message.js";
import { KeylimeError } from "./keylime-error.js";

/** An answer in Keylime's 2.x envelope, or whatever else came. */
export interface KeylimeAnswer {
  /** Method and URL without the query. */
  call: string;
  httpStatus: number;
  /** Undefined when the body is no envelope with an object in `results`. */
  results: Readonly<Record<string, unknown>> | undefined;
  /** The server's own words, one line, bounded, without the secrets of the call; undefined when it sent none. */
  serverText: string | undefined;
  /** The body is empty or no JSON: how a 7.14 server answers for a route or version it does not have. */
  isBare: boolean;
  dateMs: number | undefined;
}

export interface KeylimeCall extends HttpRequest {
  /** Texts that must not come back in a message: nonce and quote. */
  secrets?: readonly string[];
}

const longestServerText = 400;

/** Sends one request and opens the envelope. Rejects with PeerError only; what the answer means is the caller's to say. */
export async function callKeylime(http: HttpRequester, request: KeylimeCall): Promise<KeylimeAnswer> {
  const { secrets = [], ...plain } = request;
  const answer = await http.request(plain);
  return {
    ...openEnvelope(answer.body.toString("utf8"), secrets),
    call: callText(http, request),
    httpStatus: answer.status,
    dateMs: answer.dateMs,
  };
}

export function callText(http: HttpRequester, { method, path }: Pick<HttpRequest, "method" | "path">): string {
  return `${method} ${http.origin}${path}`;
}

export type Envelope = Pick<KeylimeAnswer, "results" | "serverText" | "isBare">;

/** A body as Keylime's envelope; `secrets` must not come back in the server's words. */
export function openEnvelope(text: string, secrets: readonly string[] = []): Envelope {
  const json = parseObject(text);
  if (json === undefined) return { results: undefined, serverText: bareText(text, secrets), isBare: true };
  const results = isObject(json.results) ? json.results : undefined;
  return { results, serverText: serverText(statusText(json), secrets), isBare: false };
}

/** Broken JSON is not repeated: it may hold half a quote. */
function bareText(text: string, secrets: readonly string[]): string | undefined {
  return /^\s*[{["]/.test(text) ? "broken JSON" : serverText(text, secrets);
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** 2.x: `status`; the 3.0 framework's refusals: `errors[].detail`. */
function statusText({ status, errors }: Record<string, unknown>): string | undefined {
  if (typeof status === "string") return status;
  if (!Array.isArray(errors)) return undefined;
  const details = errors.filter(isObject).map(({ detail, title }) => detail ?? title);
  return details.filter((each) => typeof each === "string").join("; ");
}

/** A server's words made fit for a message: one printable line, bounded, without what the call kept secret. */
export function serverText(text: string | undefined, secrets: readonly string[] = []): string | undefined {
  const line = withoutSecrets((text ?? "").slice(0, 65_536), secrets)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
  if (line === "") return undefined;
  return line.length > longestServerText ? `${line.slice(0, longestServerText)}…` : line;
}

/** Shorter runs of letters and digits tell nothing of a secret, and words of the server are such runs too. */
const leastTellingCharacters = 12;

/** Servers repeat what they were sent whole, cut, in parts, or percent-encoded as it stood in the URL. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  const known = secrets.filter((each) => each !== "");
  const whole = known.reduce((rest, secret) => rest.replaceAll(secret, "…"), text);
  return whole.replaceAll(/(?:[A-Za-z0-9+/]|%[0-9A-Fa-f]{2})+/g, (run) => {
    const plain = run.replaceAll(/%(..)/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
    return plain.length >= leastTellingCharacters && known.some((secret) => secret.includes(plain)) ? "…" : run;
  });
}

export interface Refusal {
  /** Who answered, for the message: `the Keylime verifier`. */
  name: string;
  code: string;
  /** What was attempted, after "cannot": `read agent a1`. */
  task: string;
  /** Why, when the answer alone does not say it. */
  why?: string;
  hint?: string;
}

/** The error for an answer that is no success. */
export function answerError({ call, httpStatus, serverText: text }: KeylimeAnswer, refusal: Refusal): KeylimeError {
  const { name, code, task, why, hint } = refusal;
  const said = text === undefined ? `status ${httpStatus} without a word` : `status ${httpStatus}: ${text}`;
  const message = `cannot ${task}: ${why === undefined ? "" : `${why}; `}${name} answered ${said} (${call})`;
  return new KeylimeError(
    code,
    message,
    { culprit: "peer", ...(hint === undefined ? {} : { hint }) },
    { call, httpStatus, serverText: text },
  );
}

/** Runs a decoder; what it throws becomes an error that names the call. */
export function decodeAnswer<T>(
  answer: KeylimeAnswer,
  { name, task }: Pick<Refusal, "name" | "task">,
  decode: () => T,
): T {
  try {
    return decode();
  } catch (cause) {
    const { call, httpStatus, serverText: text } = answer;
    const message = `cannot ${task}: ${name} sent an answer that makes no sense: ${errorText(cause)} (${call})`;
    throw new KeylimeError("bad-answer", message, { culprit: "peer", cause }, { call, httpStatus, serverText: text });
  }
}
