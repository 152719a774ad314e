import { setTimeout as pause } from "node:timers/promises";
import { errorText } from "../core/problem.js";
import type { ClientStream } from "../goplugin/service-client.js";
import { StatusCode, StatusError } from "../goplugin/status-error.js";
import type { HalfName, RunningHalf } from "./half.js";
import { type MessageFacts, MessageReader, plain, type Step } from "./message.js";

/** One message of an attestation, as it passed the relay. */
export interface RelayedMessage {
  step: Step;
  from: HalfName;
  /** Since the attestation began. */
  atMs: number;
  /** How long the sender took over it. */
  tookMs: number;
  /** Of the plugin's own bytes; 0 for the result, which is no text of the plugin's. */
  bytes: number;
  facts: MessageFacts;
}

export interface AttestationResult {
  spiffeId: string;
  /** `type:value`, the type being the name of the plugin block. */
  selectors: string[];
  canReattest: boolean;
}

export interface AttestationFailure {
  half: HalfName;
  /** What was being waited for. */
  step: Step;
  code: StatusCode;
  message: string;
  /** The status a plugin ended with where SPIRE no longer asks for it, and passes on `code` and `message` instead. */
  unheard?: { code: StatusCode; message: string };
}

/** One attestation: either `result` or `failure` is there. */
export interface Attestation {
  durationMs: number;
  /** The time spent waiting for each half. */
  serverMs: number;
  agentMs: number;
  result?: AttestationResult;
  failure?: AttestationFailure;
  /** Only when they were asked for. */
  messages?: RelayedMessage[];
}

export interface RelayOptions {
  server: RunningHalf;
  agent: RunningHalf;
  /** For the whole attestation; SPIRE itself has no limit. */
  timeoutMs: number;
  signal?: AbortSignal;
  keepMessages: boolean;
}

/**
 * What SPIRE says of a plugin that ended its stream before it was sent the next message: Go's gRPC refuses to send, and
 * SPIRE never asks for the plugin's own status.
 */
export const closedEarly: Record<HalfName, string> = {
  server: "plugin closed stream unexpectedly",
  agent: "plugin closed stream before handling the challenge",
};

/** More challenges than any attestor asks; SPIRE itself would go on for ever. */
const maxChallenges = 100;
const exitNoticeMs = 300;

/**
 * Relays one attestation between two plugins as SPIRE server and agent do (SPIRE 1.13.3
 * pkg/{server,agent}/plugin/nodeattestor/v1.go): the agent half sends its payload unasked, each challenge goes to the
 * agent half and its response back, until the server half names the agent. Never throws: what goes wrong is the
 * attestation's failure, in SPIRE's words.
 *
 * SPIRE ends the streams of every attestation by cancellation; here those of a good one end by half-closing, so that a
 * rehearsal of thousands works: nghttp2, which serves a plugin written for Node, sends a connection away after 1000
 * cancellations in a burst (CVE-2023-44487). grpc-go goes on over a new connection unnoticed, Node's client loses what
 * runs.
 */
export async function relayAttestation(options: RelayOptions): Promise<Attestation> {
  const relay = new Relay(options);
  try {
    const result = await relay.run();
    relay.finish();
    return { ...relay.times(), result, ...relay.kept() };
  } catch (error) {
    const times = relay.times();
    const failure = await relay.failure(error);
    relay.cancel();
    return { ...times, failure, ...relay.kept() };
  }
}

/** SPIRE's own verdict on a plugin that breaks the rules of the stream. */
class RelayError extends Error {
  constructor(
    readonly code: StatusCode,
    message: string,
    readonly unheard?: StatusError,
  ) {
    super(message);
  }
}

class Relay {
  readonly #startedAtMs = performance.now();
  readonly #reader = new MessageReader();
  readonly #messages: RelayedMessage[] = [];
  readonly #spentMs: Record<HalfName, number> = { server: 0, agent: 0 };
  readonly #streams: ClientStream<never, unknown>[] = [];
  readonly #stopped: Promise<never>;
  readonly #release: () => void;
  #tookMs = 0;
  #waiting: { half: HalfName; step: Step } = { half: "agent", step: "payload" };

  constructor(private readonly options: RelayOptions) {
    const { timeoutMs, signal } = options;
    let stop!: (error: RelayError) => void;
    this.#stopped = new Promise((_, reject) => {
      stop = reject;
    });
    this.#stopped.catch(() => {});
    const late = setTimeout(
      () =>
        stop(
          new RelayError(StatusCode.DEADLINE_EXCEEDED, `no answer within ${timeoutMs} ms of the attestation's start`),
        ),
      timeoutMs,
    );
    const abort = () => stop(new RelayError(StatusCode.CANCELLED, "the rehearsal was interrupted"));
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    this.#release = () => {
      clearTimeout(late);
      signal?.removeEventListener("abort", abort);
    };
  }

  async run(): Promise<AttestationResult> {
    const agent = this.#opened(this.options.agent.plugin.aidAttestation());
    const payload = await this.#fromAgent(agent, "payload");
    const server = this.#opened(
      this.options.server.plugin.attestServer({ metadata: { "X-Untrusted-Forwarded-Host": "rehearsal" } }),
    );
    await this.#send("server", server, { payload });
    for (let count = 0; count <= maxChallenges; count++) {
      const step = count === 0 ? "challenge" : "result";
      const response = await this.#received("server", step, server.receive());
      if (response === undefined) throw new RelayError(StatusCode.INTERNAL, closedEarly.server);
      if (response.agentAttributes !== undefined) return this.#result(response.agentAttributes);
      const { challenge } = response;
      if (challenge === undefined) {
        throw new RelayError(StatusCode.INTERNAL, "plugin response missing challenge or agent attributes");
      }
      this.#keep("server", "challenge", challenge);
      await this.#send("agent", agent, { challenge });
      const challengeResponse = await this.#fromAgent(agent, "challenge_response");
      await this.#send("server", server, { challengeResponse });
    }
    throw new RelayError(StatusCode.RESOURCE_EXHAUSTED, `the server half asked more than ${maxChallenges} challenges`);
  }

  times(): Pick<Attestation, "durationMs" | "serverMs" | "agentMs"> {
    const { server, agent } = this.#spentMs;
    return { durationMs: performance.now() - this.#startedAtMs, serverMs: server, agentMs: agent };
  }

  kept(): Pick<Attestation, "messages"> {
    return this.options.keepMessages ? { messages: this.#messages } : {};
  }

  async failure(error: unknown): Promise<AttestationFailure> {
    const { half, step } = this.#waiting;
    const status = error instanceof RelayError || error instanceof StatusError ? error : undefined;
    const isConnectionLost = error instanceof StatusError && error.code === StatusCode.UNAVAILABLE;
    const running = this.options[half];
    // The stream breaks a moment before the system tells how the process ended.
    if (isConnectionLost) await Promise.race([running.plugin.exited, pause(exitNoticeMs)]);
    const end = running.ended();
    const died = end === undefined ? "" : `; the ${half} plugin's process has ended with ${end}`;
    return {
      half,
      step,
      code: status?.code ?? StatusCode.INTERNAL,
      message: plainLine(errorText(error)) + died,
      ...unheardBy(error),
    };
  }

  finish(): void {
    this.#release();
    for (const stream of this.#streams) stream.finish();
  }

  cancel(): void {
    this.#release();
    for (const stream of this.#streams) stream.cancel();
  }

  #opened<Q, S>(stream: ClientStream<Q, S>): ClientStream<Q, S> {
    this.#streams.push(stream as ClientStream<never, unknown>);
    return stream;
  }

  async #fromAgent(
    stream: ReturnType<RunningHalf["plugin"]["aidAttestation"]>,
    step: "payload" | "challenge_response",
  ): Promise<Buffer> {
    const message = await this.#received("agent", step, stream.receive());
    const isFirst = step === "payload";
    if (message === undefined) {
      const words = isFirst ? "plugin closed stream before returning attestation data" : closedEarly.agent;
      throw new RelayError(StatusCode.INTERNAL, words);
    }
    const bytes = isFirst ? message.payload : message.challengeResponse;
    if (bytes === undefined || bytes.length === 0) {
      const what = isFirst ? "attestation payload" : "challenge response";
      throw new RelayError(StatusCode.INTERNAL, `plugin response missing ${what}`);
    }
    this.#keep("agent", step, bytes);
    return bytes;
  }

  #result({
    spiffeId,
    selectorValues,
    canReattest,
  }: {
    spiffeId: string;
    selectorValues: string[];
    canReattest: boolean;
  }) {
    if (spiffeId === "") throw new RelayError(StatusCode.INTERNAL, "plugin response missing agent ID");
    const type = this.options.server.options.name;
    const selectors = selectorValues.map((value) => `${type}:${plain(value)}`);
    const result = { spiffeId: plain(spiffeId), selectors, canReattest };
    if (this.options.keepMessages) {
      this.#push("server", "result", 0, { spiffe_id: result.spiffeId, selectors, can_reattest: canReattest });
    }
    return result;
  }

  /** Waits for one half, and remembers for whom and for what. */
  async #received<T>(half: HalfName, step: Step, work: Promise<T>): Promise<T> {
    this.#waiting = { half, step };
    const sinceMs = performance.now();
    try {
      return await Promise.race([work, this.#stopped]);
    } finally {
      this.#tookMs = performance.now() - sinceMs;
      this.#spentMs[half] += this.#tookMs;
    }
  }

  async #send<Q, S>(half: HalfName, stream: ClientStream<Q, S>, message: Q): Promise<void> {
    if (stream.ended) {
      this.#waiting = { half, step: half === "agent" ? "challenge_response" : "result" };
      throw new RelayError(StatusCode.INTERNAL, closedEarly[half], await this.#unheard(stream));
    }
    await Promise.race([stream.send(message), this.#stopped]);
  }

  async #unheard<Q, S>(stream: ClientStream<Q, S>): Promise<StatusError | undefined> {
    try {
      await Promise.race([stream.receive(), this.#stopped]);
      return undefined;
    } catch (error) {
      return error instanceof StatusError ? error : undefined;
    }
  }

  #keep(from: HalfName, step: Exclude<Step, "result">, bytes: Uint8Array): void {
    if (this.options.keepMessages) this.#push(from, step, bytes.length, this.#reader.read(step, bytes));
  }

  #push(from: HalfName, step: Step, bytes: number, facts: MessageFacts): void {
    this.#messages.push({
      step,
      from,
      atMs: performance.now() - this.#startedAtMs,
      tookMs: this.#tookMs,
      bytes,
      facts,
    });
  }
}

function unheardBy(error: unknown): Pick<AttestationFailure, "unheard"> {
  if (!(error instanceof RelayError) || error.unheard === undefined) return {};
  return { unheard: { code: error.unheard.code, message: plainLine(error.unheard.message) } };
}

const plainLine = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]/gu, " ");
