import type { EventEmitter } from "node:events";
import {
  Metadata,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { Logger } from "../core/logger.js";
import { ObjectReader } from "../goplugin/object-reader.js";
import { StatusCode, type StatusError, statusError, toStatusError } from "../goplugin/status-error.js";

/** What every handler is told about its call. */
export interface CallContext {
  /** Aborted when the host cancels the call, goes, or unloads the plugin: stop all work then. */
  readonly signal: AbortSignal;
  /** The values of a metadata key that the host sent, in lower case. */
  metadata(key: string): string[];
}

/** The requests of a stream: iterate over them, or take one at a time. */
export interface RequestStream<Request> extends AsyncIterable<Request> {
  /** The next request, or undefined when the host half-closed. @throws StatusError CANCELLED when the call is over */
  receive(): Promise<Request | undefined>;
}

/** The way of responses back to the host. */
export interface ResponseStream<Response> {
  /** Resolves when there is room for more. @throws StatusError CANCELLED when the call is over */
  send(response: Response): Promise<void>;
}

/** A bidirectional stream; it ends with OK when the handler returns, and with a status when it throws. */
export interface BidiCall<Request, Response> extends CallContext, RequestStream<Request>, ResponseStream<Response> {}

/** A service as the protobuf generator describes it (ts-proto with `outputServices=grpc-js`). */
export interface ServiceDefinitionLike {
  readonly [method: string]: MethodLike;
}

interface MethodLike {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: methods of any message type
  readonly requestSerialize: (value: any) => Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: methods of any message type
  readonly requestDeserialize: (bytes: Buffer) => any;
  // biome-ignore lint/suspicious/noExplicitAny: methods of any message type
  readonly responseSerialize: (value: any) => Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: methods of any message type
  readonly responseDeserialize: (bytes: Buffer) => any;
}

type RequestOf<M extends MethodLike> = ReturnType<M["requestDeserialize"]>;
type ResponseOf<M extends MethodLike> = ReturnType<M["responseDeserialize"]>;

/** The async function that answers a method, by the method's kind. */
export type Handler<M extends MethodLike> = M["requestStream"] extends true
  ? M["responseStream"] extends true
    ? (call: BidiCall<RequestOf<M>, ResponseOf<M>>) => Promise<void>
    : (call: CallContext & RequestStream<RequestOf<M>>) => Promise<ResponseOf<M>>
  : M["responseStream"] extends true
    ? (request: RequestOf<M>, call: CallContext & ResponseStream<ResponseOf<M>>) => Promise<void>
    : (request: RequestOf<M>, call: CallContext) => Promise<ResponseOf<M>>;

/** One handler per method of a service. A method that is left out answers UNIMPLEMENTED. */
export type Handlers<D extends ServiceDefinitionLike> = { readonly [K in keyof D]?: Handler<D[K]> };

type AnyHandler = (...args: unknown[]) => Promise<unknown>;

/**
 * Turns async handlers into what the gRPC library calls. Whatever a handler throws becomes a status; nothing a handler
 * does can end the process. Statuses of our own making (INTERNAL) are logged, since hosts may drop their cause.
 */
export function grpcImplementation<D extends ServiceDefinitionLike>(
  definition: D,
  handlers: Handlers<D>,
  logger: Logger,
): UntypedServiceImplementation {
  const implementation: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(definition)) {
    // Bound, so that handlers may be methods of a class instance.
    const handler = (handlers[name] as AnyHandler | undefined)?.bind(handlers);
    if (handler === undefined) continue;
    const failed = (error: unknown) => statusOf(error, method.path, logger);
    implementation[name] = method.responseStream
      ? streamHandler(handler, failed)
      : valueHandler(method, handler, failed);
  }
  return implementation;
}

type Failed = (error: unknown) => StatusError;

function streamHandler(handler: AnyHandler, failed: Failed): UntypedHandleCall {
  return (call: ServerDuplexStream<unknown, unknown> | ServerWritableStream<unknown, unknown>) => {
    const { context, settled } = callContext(call);
    const responses = responseStream(call, context.signal);
    const args =
      "request" in call ? [call.request, { ...context, ...responses }] : [bidiCall(call, context, responses)];
    run(handler, args)
      .finally(settled)
      .then(
        () => call.end(),
        (error) => {
          const { code, message } = failed(error);
          // The library turns this event into the status of the call; after a cancellation nobody listens any more.
          if (!call.destroyed) call.emit("error", { code, details: message, metadata: new Metadata() });
        },
      );
  };
}

function valueHandler(method: MethodLike, handler: AnyHandler, failed: Failed): UntypedHandleCall {
  return (
    call: ServerUnaryCall<unknown, unknown> | ServerReadableStream<unknown, unknown>,
    answer: sendUnaryData<unknown>,
  ) => {
    const { context, settled } = callContext(call);
    const args = method.requestStream
      ? [{ ...context, ...requestStream(call as ServerReadableStream<unknown, unknown>, context.signal) }]
      : [(call as ServerUnaryCall<unknown, unknown>).request, context];
    run(handler, args)
      .finally(settled)
      .then(
        (response) => answer(null, response),
        (error) => {
          const { code, message } = failed(error);
          answer({ code, details: message });
        },
      );
  };
}

// A handler that is no async function may throw at once.
async function run(handler: AnyHandler, args: unknown[]): Promise<unknown> {
  return await handler(...args);
}

function statusOf(error: unknown, path: string, logger: Logger): StatusError {
  const status = toStatusError(error);
  if (status.code === StatusCode.INTERNAL || status.code === StatusCode.UNKNOWN) {
    const stack = error instanceof Error ? error.stack : undefined;
    logger.log("error", "call failed inside the plugin", { method: path, error: status.message, stack });
  }
  return status;
}

type AnyServerCall =
  | ServerUnaryCall<unknown, unknown>
  | ServerReadableStream<unknown, unknown>
  | ServerWritableStream<unknown, unknown>
  | ServerDuplexStream<unknown, unknown>;

/** `settled` is to be called when the handler is done: hosts cancel also what has ended well, which then concerns nobody. */
function callContext(call: AnyServerCall): { context: CallContext; settled: () => void } {
  const controller = new AbortController();
  const cancelled = () => controller.abort(cancelledError());
  const events: EventEmitter = call;
  events.on("cancelled", cancelled);
  events.on("error", () => {});
  if (call.cancelled) cancelled();
  const context = { signal: controller.signal, metadata: (key: string) => call.metadata.get(key).map(String) };
  return { context, settled: () => void events.off("cancelled", cancelled) };
}

function cancelledError(): StatusError {
  return statusError(StatusCode.CANCELLED, "the host cancelled the call");
}

function requestStream<T>(
  call: ServerReadableStream<T, unknown> | ServerDuplexStream<T, unknown>,
  signal: AbortSignal,
) {
  const reader = new ObjectReader<T>(call);
  signal.addEventListener("abort", () => reader.fail(signal.reason as Error), { once: true });
  const receive = async () => {
    const next = await reader.next();
    if (next !== undefined) return next;
    // A cancelled stream first looks like a half-closed one (Node's http2): the cancellation follows in the same turn.
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
    return undefined;
  };
  return {
    receive,
    async *[Symbol.asyncIterator](): AsyncGenerator<T> {
      for (let next = await receive(); next !== undefined; next = await receive()) yield next;
    },
  };
}

function responseStream<T>(
  call: ServerWritableStream<unknown, T> | ServerDuplexStream<unknown, T>,
  signal: AbortSignal,
) {
  return {
    send: (response: T) =>
      new Promise<void>((resolve, reject) => {
        if (signal.aborted || call.destroyed) return reject(cancelledError());
        const cancel = () => reject(signal.reason);
        signal.addEventListener("abort", cancel, { once: true });
        call.write(response, () => {
          signal.removeEventListener("abort", cancel);
          resolve();
        });
      }),
  };
}

function bidiCall(
  call: ServerDuplexStream<unknown, unknown>,
  context: CallContext,
  responses: ResponseStream<unknown>,
): BidiCall<unknown, unknown> {
  return { ...context, ...requestStream(call, context.signal), ...responses };
}
