import { type BidiCall, StatusCode, statusError } from "../../src/plugin-sdk/index.js";
import { closedEarly } from "../../src/rehearse/relay.js";

/** One bidirectional call as the runtime hands it to a handler, and the host's end of it, without a connection. */
export interface SpireCall<Request, Response> {
  /** What the handler gets. */
  readonly handlersEnd: BidiCall<Request, Response>;
  /** When the handler has ended before, the next `receive` rejects with what SPIRE says then, as its status is lost. */
  send(request: Request): void;
  /** The next response; undefined when the handler has returned. Rejects with what the handler threw. */
  receive(): Promise<Response | undefined>;
  /** Half-closes, as SPIRE never does. */
  end(): void;
  cancel(): void;
}

/** Starts a handler on a call of its own. */
export function startSpireCall<Request extends object, Response>(
  handler: (call: BidiCall<Request, Response>) => Promise<void>,
): SpireCall<Request, Response> {
  const cancelled = new AbortController();
  const requests = new Queue<Request>();
  let responses = new Queue<Response>();
  cancelled.signal.addEventListener("abort", () => requests.fail(cancelled.signal.reason));
  const handlersEnd: BidiCall<Request, Response> = {
    signal: cancelled.signal,
    metadata: () => [],
    receive: () => requests.next(),
    async send(response) {
      cancelled.signal.throwIfAborted();
      responses.push(response);
    },
    async *[Symbol.asyncIterator]() {
      for (let next = await requests.next(); next !== undefined; next = await requests.next()) yield next;
    },
  };
  handler(handlersEnd).then(
    () => responses.end(),
    (error) => responses.fail(error),
  );
  return {
    handlersEnd,
    send(request) {
      if (responses.isFinished) responses = lost(request);
      requests.push(request);
    },
    receive: () => responses.next(),
    end: () => requests.end(),
    cancel: () => cancelled.abort(statusError(StatusCode.CANCELLED, "the host cancelled the call")),
  };
}

/** Go's gRPC refuses to send on a stream that has ended, and SPIRE does not ask why it has. */
function lost<Response>(request: object): Queue<Response> {
  const responses = new Queue<Response>();
  const half = "challenge" in request ? "agent" : "server";
  responses.fail(statusError(StatusCode.INTERNAL, closedEarly[half]));
  return responses;
}

class Queue<T> {
  private readonly held: T[] = [];
  private waiting: (() => void)[] = [];
  private finish: { error?: unknown } | undefined;

  get isFinished(): boolean {
    return this.finish !== undefined;
  }

  push(item: T): void {
    this.held.push(item);
    this.wake();
  }

  end(): void {
    this.finish ??= {};
    this.wake();
  }

  fail(error: unknown): void {
    this.finish ??= { error };
    this.wake();
  }

  async next(): Promise<T | undefined> {
    for (;;) {
      if (this.held.length > 0) return this.held.shift();
      if (this.finish !== undefined && "error" in this.finish) throw this.finish.error;
      if (this.finish !== undefined) return undefined;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
