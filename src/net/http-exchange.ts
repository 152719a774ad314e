import { type ClientRequest, type IncomingMessage, request as sendRequest } from "node:http";
import { isIPv6, type Socket } from "node:net";
import type { Clock } from "../core/clock.js";
import { durationText } from "../core/duration.js";
import type { ConnectionState } from "./connection.js";
import type { HttpAnswer, HttpRequest } from "./http-message.js";
import type { PeerAgent } from "./peer-agent.js";
import { declaredError, type PeerError, peerError, stageText } from "./peer-errors.js";
import type { Situation } from "./peer-failure.js";
import type { PeerRole } from "./peer-role.js";
import { answersPlainHttp } from "./plain-http.js";

interface ExchangeOptions {
  role: PeerRole;
  connectTimeoutMs: number;
  maxBodyBytes: number;
  userAgent: string;
  clock: Clock;
}

/** A handshake that takes longer is in doubt: is TLS spoken there at all? */
const mostHandshakeMs = 1000;
/** Node fires a timer of more than 31 bits at once. */
const longestTimerMs = 0x7fffffff;

/** One request and its answer. Settles once, within its time-out, whatever the peer does. */
export class Exchange {
  private readonly startMs: number;
  private readonly timers: NodeJS.Timeout[] = [];
  /** Ends the question in plain HTTP; there is none in nearly every exchange. */
  private question: AbortController | undefined;
  private state: ConnectionState | undefined;
  private reused = false;
  private hasAnswer = false;
  private outgoing: ClientRequest | undefined;
  private settle: { resolve(answer: HttpAnswer): void; reject(error: PeerError): void } | undefined;

  constructor(
    private readonly request: HttpRequest,
    private readonly agent: PeerAgent,
    private readonly options: ExchangeOptions,
  ) {
    this.startMs = options.clock.nowMs();
  }

  run(): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
      if (this.request.signal?.aborted) return this.giveUp();
      this.request.signal?.addEventListener("abort", this.giveUp, { once: true });
      this.startTimer(this.request.timeoutMs);
      try {
        this.start();
      } catch (cause) {
        // Node refuses header values and paths that would break the request's lines.
        this.fail(cause);
      }
    });
  }

  private start(): void {
    const { method, path, query, body } = this.request;
    const { host, port } = this.agent.target;
    const outgoing = sendRequest({
      agent: this.agent,
      host,
      port,
      method,
      path: query === undefined ? path : `${path}?${queryText(query)}`,
      setHost: false,
      headers: {
        host: `${isIPv6(host) ? `[${host}]` : host}:${port}`,
        accept: "application/json",
        "user-agent": this.options.userAgent,
        ...(body === undefined ? {} : { "content-type": body.contentType, "content-length": body.bytes.length }),
      },
    });
    this.outgoing = outgoing;
    outgoing.on("socket", (socket) => this.follow(socket));
    outgoing.on("error", (cause) => this.fail(cause));
    outgoing.on("response", (response) => this.receive(response));
    // 101 to a question nobody asked: without a listener Node drops the connection silently.
    outgoing.on("upgrade", (_response, socket) => {
      socket.destroy();
      this.declare("bad-answer", "switched protocols unasked");
    });
    outgoing.end(body?.bytes);
  }

  private follow(socket: Socket): void {
    this.state = this.agent.stateOf(socket);
    this.reused = this.outgoing?.reusedSocket ?? false;
    if (this.state?.stage === "response") return;
    const limit = this.startTimer(this.options.connectTimeoutMs);
    const isTls = this.agent.target.identity !== undefined;
    const doubt = isTls ? this.startDoubt() : undefined;
    socket.once(isTls ? "secureConnect" : "connect", () => {
      clearTimeout(limit);
      clearTimeout(doubt);
    });
  }

  /** A server of plain HTTP takes a ClientHello for the beginning of a request, and says nothing while it waits for the rest. */
  private startDoubt(): NodeJS.Timeout {
    const afterMs = Math.min(mostHandshakeMs, this.options.connectTimeoutMs / 2);
    const timer = setTimeout(() => void this.askPlainly(), afterMs);
    this.timers.push(timer);
    return timer;
  }

  private async askPlainly(): Promise<void> {
    const { host, port } = this.agent.target;
    if (this.state?.stage !== "tls" || this.state.serverChain !== undefined) return;
    this.question = new AbortController();
    if (!(await answersPlainHttp(this.state.address ?? host, port, this.question.signal))) return;
    const situation = this.situation();
    if (situation.stage !== "tls") return;
    const who = `${situation.role.name} at ${situation.target}`;
    this.end(declaredError("not-tls", `cannot speak TLS with ${who}: it answers in plain HTTP alone`, situation));
  }

  private receive(response: IncomingMessage): void {
    const { maxBodyBytes, clock } = this.options;
    this.hasAnswer = true;
    const pieces: Buffer[] = [];
    let total = 0;
    response.on("data", (piece: Buffer) => {
      pieces.push(piece);
      total += piece.length;
      if (total > maxBodyBytes) this.declare("body-too-large", `answered with more than ${maxBodyBytes} bytes`);
    });
    response.on("error", (cause) => this.fail(cause));
    response.on("end", () => {
      this.finish();
      this.settle?.resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: Buffer.concat(pieces),
        dateMs: parseDate(response.headers.date),
        elapsedMs: clock.nowMs() - this.startMs,
        reused: this.reused,
      });
    });
  }

  private startTimer(limitMs: number): NodeJS.Timeout {
    const timer = setTimeout(
      () => {
        const { stage } = this.situation();
        this.declare("timeout", `did not answer within ${durationText(limitMs)} (${stageText(stage)})`);
      },
      Math.min(limitMs, longestTimerMs),
    );
    this.timers.push(timer);
    return timer;
  }

  private readonly giveUp = (): void => {
    const situation = this.situation();
    this.end(
      declaredError("aborted", `the call to ${situation.role.name} at ${situation.target} was given up`, situation),
    );
  };

  private declare(kind: "timeout" | "body-too-large" | "bad-answer", did: string): void {
    const situation = this.situation();
    this.end(declaredError(kind, `${situation.role.name} at ${situation.target} ${did}`, situation));
  }

  private fail(cause: unknown): void {
    this.end(peerError(cause, this.situation()));
  }

  private end(error: PeerError): void {
    this.finish();
    this.outgoing?.destroy();
    this.settle?.reject(error);
  }

  private finish(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.question?.abort();
    this.request.signal?.removeEventListener("abort", this.giveUp);
  }

  private situation(): Situation {
    const { role, clock } = this.options;
    const { host, port, serverName, identity } = this.agent.target;
    const nowMs = clock.nowMs();
    return {
      role,
      target: `${isIPv6(host) ? `[${host}]` : host}:${port}`,
      serverName,
      stage: this.hasAnswer ? "body" : (this.state?.stage ?? "queue"),
      elapsedMs: nowMs - this.startMs,
      address: this.state?.address,
      identity,
      serverChain: this.state?.serverChain,
      nowMs,
      reused: this.reused,
    };
  }
}

/** Every byte outside RFC 3986's unreserved set is percent-encoded: Keylime reads a raw `+` as a blank. */
function queryText(query: Readonly<Record<string, string>>): string {
  const encode = (text: string) =>
    encodeURIComponent(text).replaceAll(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);
  return Object.entries(query)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join("&");
}

function parseDate(text: string | undefined): number | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
