import { durationText } from "../core/duration.js";
import { errorText, Problem, type ProblemOptions } from "../core/problem.js";
import { alertMeanings, alertText } from "../tls/alert.js";
import { explainAlert } from "./alert-refusal.js";
import type { PeerErrorKind, PeerStage } from "./peer-error-kind.js";
import type { Explanation, PeerErrorFacts, Situation } from "./peer-failure.js";
import { explainUntrustedServer } from "./server-trust.js";

/** What a peer or the way to it did wrong. `code` is a fault id where one fits, else the kind. */
export class PeerError extends Problem {
  readonly facts: PeerErrorFacts;
  get kind(): PeerErrorKind {
    return this.facts.kind;
  }
  constructor(code: string, message: string, options: ProblemOptions, facts: PeerErrorFacts) {
    super(code, message, options);
    this.name = "PeerError";
    this.facts = facts;
  }
}

/** Names what was thrown on the way to a peer. Nothing else in this program reads Node's or OpenSSL's error codes. */
export function peerError(cause: unknown, situation: Situation): PeerError {
  if (cause instanceof PeerError) return cause;
  const chain = causeChain(cause);
  const alert = chain.map(alertNumberOf).find((number) => number !== undefined);
  const kind = alert === undefined ? kindOf(chain, situation) : "alert";
  const { words, code, hint } = explain({ kind, alert, chain, situation });
  const facts = { ...situationFacts(situation), kind, ...(alert === undefined ? {} : { alert: alertFacts(alert) }) };
  const options: ProblemOptions = { culprit: culpritOf(kind), cause, ...(hint === undefined ? {} : { hint }) };
  return new PeerError(code, words, options, facts);
}

/** A failure the client itself declares: a time-out, a port of plain HTTP, a body that is too large, a call that was given up. */
export function declaredError(
  kind: "timeout" | "not-tls" | "body-too-large" | "bad-answer" | "aborted",
  words: string,
  situation: Situation,
): PeerError {
  const code = situation.role.faults[kind] ?? kind;
  return new PeerError(code, words, { culprit: culpritOf(kind) }, { ...situationFacts(situation), kind });
}

function situationFacts({
  stage,
  elapsedMs,
  target,
  address,
  identity,
  serverChain,
  reused,
  nowMs,
}: Situation): Omit<PeerErrorFacts, "kind"> {
  return {
    stage,
    elapsedMs,
    target,
    reused,
    ...(address === undefined ? {} : { address }),
    ...(identity === undefined
      ? {}
      : {
          presented: { chain: identity.presented(nowMs), file: identity.files.cert?.path },
          trustFile: identity.files.ca.path,
        }),
    ...(serverChain === undefined ? {} : { serverChain }),
  };
}

function culpritOf(kind: PeerErrorKind): ProblemOptions["culprit"] {
  if (["refused", "unreachable", "dns", "timeout", "reset", "closed"].includes(kind)) return "network";
  if (kind === "aborted") return "ours";
  return kind === "body-too-large" || kind === "bad-answer" || kind === "unknown" ? "peer" : "configuration";
}

/** An error, what it wraps, and, with several addresses, the failure of each. At most 20: causes may form a ring. */
function causeChain(error: unknown): ErrorLike[] {
  const chain: ErrorLike[] = [];
  const waiting = [error];
  while (waiting.length > 0 && chain.length < 20) {
    const each = waiting.shift();
    if (typeof each !== "object" || each === null || chain.includes(each)) continue;
    const { cause, errors } = each as { cause?: unknown; errors?: unknown };
    chain.push(each as ErrorLike);
    waiting.push(...(Array.isArray(errors) ? errors : []), cause);
  }
  return chain;
}

/** The record types of TLS; the HTTP parser keeps the bytes it stumbled over. */
function looksLikeTls({ rawPacket }: ErrorLike): boolean {
  const first = Buffer.isBuffer(rawPacket) ? rawPacket[0] : undefined;
  return first !== undefined && first >= 0x14 && first <= 0x17;
}

interface ErrorLike {
  rawPacket?: unknown;
  code?: unknown;
  message?: unknown;
  reason?: unknown;
  address?: unknown;
}

/** Node puts the alert into the code, into `reason`, or with TLS 1.2 (EPROTO) only into the message. */
function alertNumberOf(error: ErrorLike): number | undefined {
  const { code, message, reason } = error;
  const numbered = /SSL alert number (\d+)/.exec(String(message ?? ""));
  if (numbered !== null) return Number(numbered[1]);
  const text = `${String(reason ?? "")}\n${String(message ?? "")}\n${String(code ?? "")
    .replace(/^ERR_SSL_/, "")
    .replaceAll("_", " ")}`.toLowerCase();
  const known = Object.entries(alertMeanings).find(
    ([number, { openssl }]) => Number(number) !== 0 && openssl !== "unknown alert type" && text.includes(openssl),
  );
  return known === undefined ? undefined : Number(known[0]);
}

function alertFacts(number: number): NonNullable<PeerErrorFacts["alert"]> {
  return { number, name: alertMeanings[number]?.name ?? `0x${number.toString(16).padStart(2, "0")}`, from: "server" };
}

/** Codes of libuv, of Node's resolver and TLS, of OpenSSL's verification (X509_V_ERR_…) and records, of the HTTP parser. */
const kinds: Readonly<Record<string, PeerErrorKind>> = {
  ECONNREFUSED: "refused",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EHOSTDOWN: "unreachable",
  ENETDOWN: "unreachable",
  EADDRNOTAVAIL: "unreachable",
  EAFNOSUPPORT: "unreachable",
  EACCES: "unreachable",
  EPERM: "unreachable",
  EINVAL: "unreachable",
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  EAI_FAIL: "dns",
  EAI_NODATA: "dns",
  EAI_NONAME: "dns",
  ETIMEDOUT: "timeout",
  ERR_SOCKET_CONNECTION_TIMEOUT: "timeout",
  ECONNRESET: "reset",
  EPIPE: "reset",
  ECONNABORTED: "reset",
  ERR_STREAM_PREMATURE_CLOSE: "closed",
  ERR_STREAM_DESTROYED: "closed",
  ABORT_ERR: "aborted",
  ERR_TLS_CERT_ALTNAME_INVALID: "server-name",
  ERR_TLS_CERT_ALTNAME_FORMAT: "server-name",
  HOSTNAME_MISMATCH: "server-name",
  CERT_HAS_EXPIRED: "server-expired",
  CERT_NOT_YET_VALID: "server-expired",
  INVALID_PURPOSE: "server-purpose",
  UNABLE_TO_GET_ISSUER_CERT: "server-untrusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "server-untrusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "server-untrusted",
  UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: "server-untrusted",
  DEPTH_ZERO_SELF_SIGNED_CERT: "server-untrusted",
  SELF_SIGNED_CERT_IN_CHAIN: "server-untrusted",
  CERT_SIGNATURE_FAILURE: "server-untrusted",
  CERT_CHAIN_TOO_LONG: "server-untrusted",
  CERT_UNTRUSTED: "server-untrusted",
  CERT_REJECTED: "server-untrusted",
  CERT_REVOKED: "server-untrusted",
  INVALID_CA: "server-untrusted",
  PATH_LENGTH_EXCEEDED: "server-untrusted",
  ERR_SSL_WRONG_VERSION_NUMBER: "not-tls",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "not-tls",
  ERR_SSL_BAD_RECORD_TYPE: "not-tls",
  ERR_SSL_HTTP_REQUEST: "not-tls",
  ERR_SSL_RECORD_LAYER_FAILURE: "not-tls",
};

function kindOf(chain: readonly ErrorLike[], { identity }: Situation): PeerErrorKind {
  const texts = chain.map(({ message }) => String(message ?? "")).join("\n");
  if (/(key|md) too (weak|small)/i.test(texts)) return "server-weak";
  if (/wrong version number|packet length too long|record layer failure/i.test(texts)) return "not-tls";
  // Node's words for an end before the answer; it gives them the code of a reset.
  if (/socket hang up|disconnected before secure TLS connection|^aborted$/m.test(texts)) return "closed";
  const codes = chain.map(({ code }) => String(code ?? ""));
  const known = codes.map((code) => kinds[code]).find((kind) => kind !== undefined);
  if (known !== undefined) return known;
  if (identity === undefined && codes.includes("HPE_INVALID_CONSTANT")) return "not-http";
  if (codes.some((code) => code.startsWith("HPE_"))) return "bad-answer";
  if (codes.some((code) => code.startsWith("ERR_SSL_") || code === "EPROTO")) return "tls";
  return "unknown";
}

/** Node 24 and later append it to OpenSSL's words; a plugin trusts the CA file of its configuration and no system's. */
const nodeAdvice = /; if the root CA is installed locally, .*$/s;

interface Failure {
  kind: PeerErrorKind;
  alert: number | undefined;
  chain: readonly ErrorLike[];
  situation: Situation;
}

function explain({ kind, alert, chain, situation }: Failure): Explanation {
  const { role, target, identity } = situation;
  if (alert !== undefined) return explainAlert(alert, alertText(alert), situation);
  const trustKinds: PeerErrorKind[] = [
    "server-untrusted",
    "server-name",
    "server-expired",
    "server-purpose",
    "server-weak",
  ];
  const last = errorText(chain[0] ?? "no reason given");
  if (identity !== undefined && trustKinds.includes(kind)) {
    return explainUntrustedServer(
      kind,
      { reason: last.replace(nodeAdvice, ""), codes: chain.map(({ code }) => String(code ?? "")) },
      { ...situation, identity },
    );
  }
  const code = role.faults[kind] ?? kind;
  const who = `${role.name} at ${target}`;
  if (kind === "reset" || kind === "closed")
    return { ...explainEnd(kind, situation), ...(role.faults[kind] ? { code } : {}) };
  return { code, words: words(kind, who, situation, chain, last) };
}

function words(
  kind: PeerErrorKind,
  who: string,
  { address, elapsedMs, stage }: Situation,
  chain: readonly ErrorLike[],
  last: string,
): string {
  // With several addresses each failure names its own.
  const tried = [...new Set(chain.flatMap((each) => (typeof each.address === "string" ? [each.address] : [])))];
  const addresses = tried.length > 0 ? tried : address === undefined ? [] : [address];
  const via = addresses.every((each) => who.includes(each)) ? "" : ` (${addresses.join(", ")})`;
  const all = chain.map((each) => errorText(each)).filter((each) => each !== "");
  switch (kind) {
    case "refused":
      return `cannot reach ${who}${via}: connection refused`;
    case "unreachable":
      return `cannot reach ${who}${via}: ${all.at(-1) ?? last}`;
    case "dns":
      return `cannot reach ${who}: the name cannot be looked up (${last})`;
    case "timeout":
      return `cannot reach ${who}${via}: no answer within ${durationText(elapsedMs)} (${stageText(stage)})`;
    case "not-tls":
      return `cannot speak TLS with ${who}${via}: what answers there does not speak TLS`;
    case "not-http":
      return `cannot speak plain HTTP with ${who}${via}: ${chain.some(looksLikeTls) ? "it answers in TLS" : "its answer is not HTTP"}`;
    case "bad-answer":
      return `cannot read the answer of ${who}${via}: it breaks HTTP's rules (${last})`;
    case "tls":
      return `TLS handshake with ${who}${via} failed: ${last}`;
    case "aborted":
      return `the call to ${who} was given up`;
    default:
      return `call to ${who}${via} failed: ${last}`;
  }
}

/** What was going on, for time-outs: `during the TLS handshake`. */
export function stageText(stage: PeerStage): string {
  const texts: Record<PeerStage, string> = {
    queue: "waiting for a free connection",
    dns: "looking up the name",
    connect: "connecting",
    tls: "during the TLS handshake",
    response: "waiting for the answer",
    body: "reading the answer",
  };
  return texts[stage];
}

/** A connection that ends without an alert says nothing about the reason; tells what it may have been. */
function explainEnd(kind: "reset" | "closed", situation: Situation): Explanation {
  const { role, target, stage, identity, serverChain } = situation;
  const did = kind === "reset" ? "reset" : "closed";
  const moment: Record<PeerStage, string> = {
    queue: "before it was used",
    dns: "before it was used",
    connect: "while it was being made",
    tls: "during the TLS handshake",
    response: "before any answer",
    body: "in the middle of the answer",
  };
  const base = `${role.name} at ${target} ${did} the connection ${moment[stage]}`;
  if (stage !== "response" && stage !== "tls") return { code: kind, words: base };
  if (identity === undefined) {
    const mismatch = role.faults["not-http"];
    return { code: mismatch ?? kind, words: base, hint: "does that port speak TLS?" };
  }
  // Servers of plain HTTP end what is no request to them: Python's say nothing, and nothing of TLS has been seen yet.
  if (stage === "tls" && serverChain === undefined)
    return {
      code: role.faults["not-tls"] ?? kind,
      words: `${base}, before it showed a certificate`,
      hint: "does that port speak TLS?",
    };
  const [leaf] = identity.chain;
  const about =
    leaf === undefined ? "no client certificate was presented" : `presented: ${leaf.subject}, issued by ${leaf.issuer}`;
  const hint =
    leaf === undefined
      ? "does it require a client certificate?"
      : "did it refuse our certificate? its alert may have been lost with the connection";
  return { code: kind, words: `${base}, without a TLS alert; ${about}`, hint };
}

export type { PeerErrorKind, PeerStage } from "./peer-error-kind.js";
export type { PeerErrorFacts } from "./peer-failure.js";
