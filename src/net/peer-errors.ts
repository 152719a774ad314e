import { Problem, type ProblemOptions } from "../core/problem.js";
import type { CertificateFacts } from "../x509/certificate.js";

export type PeerErrorKind =
  | "refused"
  | "unreachable"
  | "dns"
  | "timeout"
  | "reset"
  | "closed"
  | "alert"
  | "server-untrusted"
  | "server-name"
  | "server-expired"
  | "server-purpose"
  | "server-weak"
  | "tls"
  | "not-tls"
  | "not-http"
  | "body-too-large"
  | "bad-answer"
  | "aborted"
  | "unknown";

/** How far a request came. */
export type PeerStage = "dns" | "connect" | "tls" | "response" | "body";

/** What is known about the exchange that failed. */
export interface PeerErrorFacts {
  kind: PeerErrorKind;
  stage: PeerStage;
  elapsedMs: number;
  /** `host:port` as configured, and the address that was tried when it got that far. */
  target: string;
  address?: string;
  /** The alert the peer sent. */
  alert?: { number: number; name: string; from: "server" };
  /** Our certificates and the file they came from; empty chain when nothing is presented. */
  presented?: { chain: readonly CertificateFacts[]; file: string | undefined };
  /** The CA file in use. */
  trustFile?: string;
  /** The server's certificates as it sent them, leaf first. */
  serverChain?: readonly CertificateFacts[];
}

/** What a peer or the way to it did wrong. `code` is a fault id where one fits. */
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
