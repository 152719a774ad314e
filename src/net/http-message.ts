import type { IncomingHttpHeaders } from "node:http";

export interface HttpRequest {
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** Absolute path without query, already percent-encoded. */
  path: string;
  /** Parameters, not yet encoded. They never appear in a message. */
  query?: Readonly<Record<string, string>>;
  body?: { contentType: string; bytes: Buffer };
  /** For everything: look-up, connection, handshake, answer. */
  timeoutMs: number;
  signal?: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** The peer's Date header; undefined when absent or unreadable. */
  dateMs: number | undefined;
  /** How long the request took until the whole answer was there. */
  elapsedMs: number;
  /** The answer came over a connection that was kept from an earlier request. */
  reused: boolean;
}

/** Sends requests; every failure is a PeerError. */
export interface HttpRequester {
  /** `https://host:port` */
  readonly origin: string;
  request(request: HttpRequest): Promise<HttpAnswer>;
  /** Ends idle connections; running requests fail. */
  close(): void;
}
