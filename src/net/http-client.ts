import type { IncomingHttpHeaders } from "node:http";
import type { PeerRole } from "./peer-role.js";
import type { IdentitySource } from "./reloading-identity.js";

export interface HttpClientOptions {
  host: string;
  port: number;
  /** How messages name the peer, and which fault ids its errors get. */
  role: PeerRole;
  /** Present: TLS with this identity. Absent: plain HTTP. */
  identity?: IdentitySource;
  /** Name the server's certificate must carry; the host by default. */
  serverName?: string;
  /** Limit for the name look-up, the connection and the handshake together. */
  connectTimeoutMs: number;
  /** Largest answer that is read; 1 MiB by default. */
  maxBodyBytes?: number;
  /** Parallel connections; 8 by default. */
  maxSockets?: number;
  userAgent: string;
}

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

/** A keep-alive client for one peer. */
export class HttpClient implements HttpRequester {
  readonly origin: string;
  constructor(options: HttpClientOptions) {
    this.origin = `${options.identity === undefined ? "http" : "https"}://${options.host}:${options.port}`;
  }
  request(request: HttpRequest): Promise<HttpAnswer> {
    void request;
    return Promise.reject(new Error("not yet"));
  }
  close(): void {}
}
