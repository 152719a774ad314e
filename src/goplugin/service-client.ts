import { type CallOptions, Client, credentials, Metadata } from "@grpc/grpc-js";
import { ObjectReader } from "./object-reader.js";
import { fromServiceError, StatusCode, statusError } from "./status-error.js";

/** A method as the generated service definitions describe it, from the caller's side. */
export interface CallableMethod<Request, Response> {
  path: string;
  requestSerialize: (value: Request) => Buffer;
  responseDeserialize: (bytes: Buffer) => Response;
}

/** Host and plugin trust each other by the socket's file mode; the authority is what Go hosts send. */
export function dialService(target: string, maxReceiveBytes: number): Client {
  return new Client(target, credentials.createInsecure(), {
    "grpc.default_authority": "unused",
    "grpc.max_receive_message_length": maxReceiveBytes,
    "grpc.enable_channelz": 0,
    "grpc.service_config_disable_resolution": 1,
  });
}

export interface CallLimits {
  timeoutMs?: number;
  signal?: AbortSignal;
}

/**
 * Calls a unary method.
 * @throws StatusError with the code and message of the peer, or CANCELLED when the signal is aborted
 */
export function callUnary<Request, Response>(
  client: Client,
  method: CallableMethod<Request, Response>,
  request: Request,
  { timeoutMs, signal }: CallLimits = {},
): Promise<Response> {
  if (signal?.aborted) return Promise.reject(statusError(StatusCode.CANCELLED, "call aborted before it began"));
  const options: CallOptions = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      new Metadata(),
      options,
      (error, response) => {
        signal?.removeEventListener("abort", cancel);
        if (error) reject(fromServiceError(error));
        else resolve(response!);
      },
    );
    const cancel = () => call.cancel();
    signal?.addEventListener("abort", cancel, { once: true });
  });
}

/** The caller's end of a bidirectional stream. */
export interface ClientStream<Request, Response> {
  /** Whether the peer has ended the stream: what is sent from now on gets lost. Go's clients are told so when they send. */
  readonly ended: boolean;
  send(request: Request): Promise<void>;
  /** The next response, or undefined when the peer ended the stream with OK. @throws StatusError otherwise */
  receive(): Promise<Response | undefined>;
  /** Half-closes: no more requests follow. */
  end(): void;
  /** For a stream that has served its purpose: half-closes, and cancels what the peer has not ended a second later. */
  finish(): void;
  cancel(): void;
}

export interface StreamOptions extends CallLimits {
  metadata?: Record<string, string>;
}

/** How long a peer may take to end a stream that is half-closed. */
const finishMs = 1000;

/** Opens a bidirectional stream; a response is only read when it is asked for. */
export function openStream<Request, Response>(
  client: Client,
  method: CallableMethod<Request, Response>,
  { timeoutMs, signal, metadata = {} }: StreamOptions = {},
): ClientStream<Request, Response> {
  const sent = new Metadata();
  for (const [key, value] of Object.entries(metadata)) sent.set(key, value);
  const options: CallOptions = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
  const { path, requestSerialize, responseDeserialize } = method;
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, sent, options);
  const cancel = () => stream.cancel();
  if (signal?.aborted) cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  stream.once("close", () => signal?.removeEventListener("abort", cancel));
  const reader = new ObjectReader<Response>(stream);
  let ended = false;
  const over = new Promise<void>((resolve) =>
    stream.once("status", () => {
      ended = true;
      resolve();
    }),
  );
  stream.on("error", (error) => reader.fail(fromServiceError(error)));
  return {
    get ended() {
      return ended;
    },
    // Once the peer has answered, the library neither finishes a write nor says why; receive() tells the status.
    send: (request) => Promise.race([over, new Promise<void>((resolve) => stream.write(request, () => resolve()))]),
    receive: () => reader.next(),
    end: () => void stream.end(),
    finish: () => {
      stream.end();
      // Nobody takes responses any more, and the status comes behind the last of them.
      stream.removeAllListeners("readable").resume();
      const late = setTimeout(cancel, finishMs);
      void over.then(() => clearTimeout(late));
    },
    cancel,
  };
}
