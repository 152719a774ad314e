import { connect, type Socket } from "node:net";
import { alertName, alertNumbers, readAlert } from "../tls/alert.js";
import { type HandshakeMessage, HandshakeReader, writeHandshake } from "../tls/handshake-reader.js";
import { readKeyUpdate, writeKeyUpdate } from "../tls/messages/key-update.js";
import { looksLikeTls } from "../tls/record.js";
import type { Plaintext } from "../tls/record-protection.js";
import type { ClientCredentials } from "./client-credentials.js";
import * as problems from "./connection-problem.js";
import { type ConnectionStory, newConnectionStory } from "./connection-story.js";
import { ClientRecords } from "./handshake/client-records.js";
import { HandshakeContext, type Presenting, type State, violation } from "./handshake/handshake-context.js";
import { makeOffer, type OfferOptions } from "./handshake/offer.js";
import { OlderVersion } from "./handshake/older-version.js";
import { startHandshake } from "./handshake/server-hello.js";
import { contentTypes, handshakeTypes, tls13 } from "./handshake/wire-versions.js";
import { httpRequest, readHttpAnswer } from "./http-answer.js";

export interface ConnectionPlan {
  host: string;
  port: number;
  offer: OfferOptions;
  candidate: ClientCredentials | undefined;
  presenting: Presenting | undefined;
  /** For the handshake, and again for the answer behind it. */
  timeoutMs: number;
  /** Asked with GET once the handshake is done; undefined sends nothing. */
  httpPath: string | undefined;
  signal?: AbortSignal;
}

const { values: types } = contentTypes;
const { values: handshakes } = handshakeTypes;
/** Server bytes before its Finished; the longest certificate lists OpenSSL takes are 100 KiB. */
const mostHandshakeBytes = 0x40000;
const mostAnswerBytes = 0x8000;
/** Messages after the handshake without data between them. */
const mostLateMessages = 32;
/** How long a server that sends no session ticket is given to refuse, at least; three round trips if that is longer. */
const leastQuietMs = 300;

/** One connection: handshake, then what the server makes of it. Resolves always, within twice the time-out. */
export function runConnection(plan: ConnectionPlan): Promise<ConnectionStory> {
  return new Promise((resolve) => new ProbeConnection(plan, resolve));
}

class ProbeConnection {
  readonly #plan: ConnectionPlan;
  readonly #resolve: (story: ConnectionStory) => void;
  readonly #story: ConnectionStory;
  readonly #socket: Socket;
  readonly #records: ClientRecords;
  readonly #context: HandshakeContext;
  readonly #messages = new HandshakeReader();
  readonly #startedMs = performance.now();
  #state: State | "established" | undefined;
  #deadline: NodeJS.Timeout;
  #quiet: NodeJS.Timeout | undefined;
  #firstBytes = Buffer.alloc(0);
  #receivedBytes = 0;
  #answer = Buffer.alloc(0);
  #lateMessages = 0;
  #hasTicket = false;
  #isAsked = false;
  #isOver = false;

  constructor(plan: ConnectionPlan, resolve: (story: ConnectionStory) => void) {
    this.#plan = plan;
    this.#resolve = resolve;
    this.#story = newConnectionStory(plan.candidate, plan.offer.versions);
    this.#socket = connect({ host: plan.host, port: plan.port, noDelay: true });
    this.#records = new ClientRecords((bytes) => void this.#socket.write(bytes));
    const elapsedMs = () => performance.now() - this.#startedMs;
    this.#context = new HandshakeContext(makeOffer(plan.offer), plan.presenting, this.#records, this.#story, elapsedMs);
    this.#deadline = setTimeout(() => this.#expire(), plan.timeoutMs);
    this.#socket.once("connect", () => this.#start());
    this.#socket.on("data", (chunk) => this.#receive(chunk));
    this.#socket.on("end", () => this.#end("closed the connection"));
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => this.#end("closed the connection"));
    plan.signal?.addEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => this.#giveUp(problems.interrupted(this.#target));

  get #target(): string {
    const { host, port } = this.#plan;
    return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  #start(): void {
    if (this.#isOver) return;
    this.#story.timing.connectMs = this.#elapsedMs;
    this.#story.remoteAddress = this.#socket.remoteAddress;
    this.#state = startHandshake(this.#context);
  }

  #receive(chunk: Buffer): void {
    if (this.#isOver) return;
    // A flight goes out in one piece: a server that refuses the Certificate would meet the rest of it with a reset, and the
    // failing write would end the socket before the alert is read.
    this.#socket.cork();
    try {
      if (!this.#isTls(chunk)) return;
      this.#countBytes(chunk);
      this.#records.push(chunk);
      while (!this.#isOver) {
        const record = this.#records.next();
        if (record === undefined) return;
        this.#receiveRecord(record);
      }
    } catch (error) {
      this.#receiveError(error);
    } finally {
      this.#socket.uncork();
    }
  }

  #receiveError(error: unknown): void {
    if (!(error instanceof OlderVersion)) {
      this.#giveUp(problems.malformedPeer(this.#target, error));
      return;
    }
    this.#story.version = error.version;
    this.#conclude("refused", error.message);
  }

  /** Looks at the first bytes alone: later ones that are no records are malformed. */
  #isTls(chunk: Buffer): boolean {
    if (this.#firstBytes.length >= 3) return true;
    this.#firstBytes = Buffer.concat([this.#firstBytes, chunk.subarray(0, 64)]);
    if (looksLikeTls(this.#firstBytes)) return true;
    this.#giveUp(problems.notTls(this.#target, this.#firstBytes));
    return false;
  }

  #countBytes(chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    const most = this.#state === "established" ? mostHandshakeBytes + mostAnswerBytes : mostHandshakeBytes;
    if (this.#receivedBytes > most) throw violation("handshake", `it is longer than ${most} bytes`);
  }

  #receiveRecord({ type, content }: Plaintext): void {
    if (type === types.alert) this.#receiveAlert(content);
    else if (type === types.handshake) this.#receiveHandshake(content);
    else if (type === types.application_data && this.#state === "established") this.#receiveData(content);
    else throw violation("record", `its type ${contentTypes.name(type)} is out of place`);
  }

  #receiveHandshake(content: Buffer): void {
    this.#messages.push(content);
    for (let message = this.#messages.next(); message !== undefined; message = this.#messages.next()) {
      if (this.#state === "established") this.#receiveLate(message);
      else this.#advance(message);
      if (this.#isOver) return;
    }
  }

  #advance(message: HandshakeMessage): void {
    const name = handshakeTypes.name(message.type);
    this.#context.tell("server", name, message.raw.length);
    this.#story.timing.serverHelloMs ??= this.#elapsedMs;
    const state = this.#state as State;
    // A HelloRequest may come at any time in TLS 1.2 and is ignored during a handshake (RFC 5246 section 7.4.1.1).
    if (message.type === handshakes.hello_request && this.#story.version !== tls13) return;
    if (!state.expects.includes(message.type)) {
      const expected = state.expects.map((type) => handshakeTypes.name(type)).join(" or ");
      throw violation(name, `${expected} was expected`);
    }
    const reading = this.#records.reading;
    this.#state = state.receive(message);
    if (reading !== this.#records.reading && this.#messages.pendingBytes > 0) {
      throw violation(name, "its record goes on where the keys change");
    }
    if (this.#state === "established") this.#settle();
  }

  /** The handshake is done for us. With TLS 1.3 the server has yet to look at what was presented. */
  #settle(): void {
    const { timing, version } = this.#story;
    timing.finishedMs = this.#elapsedMs;
    this.#restartDeadline();
    if (version !== tls13) {
      this.#ask("the server finished its handshake after the client's certificate");
      return;
    }
    const quietMs = Math.max(leastQuietMs, 3 * (timing.connectMs ?? 0));
    this.#quiet = setTimeout(() => this.#ask(`no alert within ${Math.round(quietMs)} ms`), quietMs);
  }

  /** A request before the alert would let the server's reset overtake the alert, so it waits for a sign or for silence. */
  #ask(evidence: string): void {
    if (this.#isOver || this.#isAsked) return;
    clearTimeout(this.#quiet);
    this.#story.evidence = evidence;
    const path = this.#plan.httpPath;
    if (path === undefined) {
      this.#conclude("accepted", evidence);
      return;
    }
    this.#isAsked = true;
    this.#records.send(types.application_data, httpRequest(this.#target, path));
    this.#context.lastSent = "request";
    this.#context.tell("client", `GET ${path}`, 0);
  }

  #receiveLate({ type, body, raw }: HandshakeMessage): void {
    this.#context.tell("server", handshakeTypes.name(type), raw.length);
    if (++this.#lateMessages > mostLateMessages) {
      throw violation("stream", `more than ${mostLateMessages} handshake messages in a row after the handshake`);
    }
    if (type === handshakes.new_session_ticket) this.#receiveTicket();
    else if (type === handshakes.key_update && this.#story.version === tls13) this.#receiveKeyUpdate(body);
    else if (type !== handshakes.hello_request)
      throw violation(handshakeTypes.name(type), "it came after the handshake");
  }

  /** OpenSSL and Go send tickets once they have taken the client's certificate; whoever sends none is asked or waited for. */
  #receiveTicket(): void {
    if (this.#hasTicket) return;
    this.#hasTicket = true;
    if (this.#plan.httpPath !== undefined) this.#ask("the server sent a session ticket");
  }

  #receiveKeyUpdate(body: Buffer): void {
    const { requestUpdate } = readKeyUpdate(body);
    (this.#records.reading as { update?: () => void }).update?.();
    if (requestUpdate !== 1) return;
    this.#records.send(
      types.handshake,
      writeHandshake(handshakes.key_update, writeKeyUpdate({ requestUpdate: 0 })).raw,
    );
    (this.#records.writing as { update?: () => void }).update?.();
  }

  #receiveData(content: Buffer): void {
    this.#story.timing.firstByteMs ??= this.#elapsedMs;
    this.#lateMessages = 0;
    if (!this.#isAsked) {
      this.#conclude("accepted", "the server sent data");
      return;
    }
    this.#answer = Buffer.concat([this.#answer, content]);
    this.#readAnswer(this.#answer.length > mostAnswerBytes);
  }

  #readAnswer(hasEnded: boolean): void {
    const progress = readHttpAnswer(this.#plan.httpPath ?? "/", this.#answer, hasEnded);
    if (progress.state === "incomplete") return;
    if (progress.state === "complete") this.#story.http = progress.answer;
    this.#conclude(
      "accepted",
      progress.state === "complete" ? "the server answered a request" : "the server sent data",
    );
  }

  #receiveAlert(content: Buffer): void {
    const { level, number } = readAlert(content);
    if (number === alertNumbers.closeNotify || number === alertNumbers.userCanceled) return;
    const after = this.#context.lastSent;
    this.#context.tell("server", `alert ${alertName(number)}`, content.length);
    this.#story.alert ??= { from: "server", level, number, after };
    // A warning of TLS 1.2 (unrecognized_name) does not end the handshake.
    if (level === 1 && this.#story.version !== tls13) return;
    this.#conclude("refused", `the server sent an alert after the client's ${after}`);
  }

  #expire(): void {
    if (this.#answer.length > 0) this.#readAnswer(true);
    if (this.#isOver) return;
    const { timeoutMs } = this.#plan;
    if (this.#state === undefined) this.#giveUp(problems.connectTimeout(this.#target, timeoutMs));
    else if (this.#state === "established") this.#conclude("accepted", this.#silenceText());
    else this.#giveUp(problems.silentPeer(this.#target, timeoutMs, this.#context.lastSent, this.#receivedBytes));
  }

  #silenceText(): string {
    return `no alert, and no answer to the request within ${this.#plan.timeoutMs} ms`;
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (this.#state === undefined) this.#giveUp(problems.connectProblem(this.#target, error));
    else this.#end(error.code === "ECONNRESET" ? "reset the connection" : `failed (${error.message})`);
  }

  #end(how: string): void {
    if (this.#isOver) return;
    if (this.#answer.length > 0) this.#readAnswer(true);
    if (this.#isOver) return;
    if (this.#receivedBytes === 0) {
      this.#giveUp(problems.closedUnanswered(this.#target, how));
      return;
    }
    this.#conclude("refused", `the server ${how} after the client's ${this.#context.lastSent}, without an alert`);
  }

  #giveUp(problem: ConnectionStory["problem"]): void {
    if (this.#isOver) return;
    this.#story.problem = problem;
    this.#conclude("unknown", problem?.message ?? "");
  }

  #conclude(outcome: ConnectionStory["outcome"], evidence: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#story.outcome = outcome;
    this.#story.evidence = evidence;
    clearTimeout(this.#deadline);
    clearTimeout(this.#quiet);
    this.#plan.signal?.removeEventListener("abort", this.#onAbort);
    this.#socket.destroy();
    this.#resolve(this.#story);
  }

  #restartDeadline(): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#expire(), this.#plan.timeoutMs);
  }
}
