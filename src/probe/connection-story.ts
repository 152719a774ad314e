import type { X509Certificate } from "node:crypto";
import type { Problem } from "../core/problem.js";
import type { CertificateRequest } from "../tls/messages/certificate-request.js";
import type { ClientCredentials } from "./client-credentials.js";

/** What one connection of a probe brought to light; filled in while it runs, so that a cut-off one tells what it saw. */
export interface ConnectionStory {
  /** What was meant to be presented; undefined is the connection without a certificate. */
  candidate: ClientCredentials | undefined;
  /** Numbers of the registry, the highest first. */
  offeredVersions: readonly number[];
  /**
   * `accepted`: the server went on after what was presented. `refused`: it ended the connection, with an alert or without.
   * `unknown`: no verdict was reached; `problem` says why.
   */
  outcome: "accepted" | "refused" | "unknown";
  /** What the outcome rests on, to be read on after a colon. */
  evidence: string;
  problem: Problem | undefined;
  remoteAddress: string | undefined;
  version: number | undefined;
  cipherSuite: number | undefined;
  group: number | undefined;
  alpn: string | undefined;
  messages: SeenMessage[];
  /** As sent, leaf first. Bytes that are no certificate stay bytes. */
  serverChain: (X509Certificate | Buffer)[];
  /** Whether the server proved that it holds its certificate's key; undefined until its signature was seen. */
  serverProof: { scheme: number; isValid: boolean } | undefined;
  request: CertificateRequest | undefined;
  /** DER, leaf first; undefined as long as nothing was asked for, empty when "none" was answered. */
  sentChain: readonly Buffer[] | undefined;
  /** Why the candidate was not sent although it was asked for. */
  withheld: string | undefined;
  alert: SeenAlert | undefined;
  http: HttpAnswer | undefined;
  timing: Timing;
}

export interface SeenMessage {
  from: "client" | "server";
  name: string;
  bytes: number;
  /** Since the start of the connection. */
  atMs: number;
}

export interface SeenAlert {
  from: "client" | "server";
  level: number;
  number: number;
  /** The last message the client had sent: `ClientHello`, `Finished`, `request`. */
  after: string;
}

export interface HttpAnswer {
  method: "GET";
  path: string;
  status: number;
  /** The first bytes of the body, at most 4 KiB. */
  body: string;
  /** The Server header, printable and at most 100 characters: Keylime's own or that of a proxy in front of it. */
  server: string | undefined;
  /** The Date header; its grain is a second. */
  dateMs: number | undefined;
}

/** Milliseconds since the start of the connection; undefined for what was not reached. */
export interface Timing {
  connectMs: number | undefined;
  serverHelloMs: number | undefined;
  finishedMs: number | undefined;
  firstByteMs: number | undefined;
}

export function newConnectionStory(
  candidate: ClientCredentials | undefined,
  offeredVersions: readonly number[],
): ConnectionStory {
  return {
    candidate,
    offeredVersions,
    outcome: "unknown",
    evidence: "",
    problem: undefined,
    remoteAddress: undefined,
    version: undefined,
    cipherSuite: undefined,
    group: undefined,
    alpn: undefined,
    messages: [],
    serverChain: [],
    serverProof: undefined,
    request: undefined,
    sentChain: undefined,
    withheld: undefined,
    alert: undefined,
    http: undefined,
    timing: { connectMs: undefined, serverHelloMs: undefined, finishedMs: undefined, firstByteMs: undefined },
  };
}
