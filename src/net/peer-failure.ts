import type { FaultId } from "../faults/faults.js";
import type { CertificateFacts } from "../x509/certificate.js";
import type { Identity } from "./identity.js";
import type { PeerErrorKind, PeerStage } from "./peer-error-kind.js";
import type { PeerRole } from "./peer-role.js";

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
  /** The server's certificates as it sent them, leaf first, completed from the CA file where that knows an issuer. */
  serverChain?: readonly CertificateFacts[];
  /** The connection was kept from an earlier request. */
  reused?: boolean;
}

/** What the client knows when something throws. */
export interface Situation {
  role: PeerRole;
  target: string;
  serverName: string;
  stage: PeerStage;
  elapsedMs: number;
  address: string | undefined;
  /** Undefined: plain HTTP. */
  identity: Identity | undefined;
  serverChain: readonly CertificateFacts[] | undefined;
  nowMs: number;
  reused: boolean;
}

/** What a failure means on a leg, in an operator's words. */
export interface Explanation {
  code: FaultId | PeerErrorKind;
  words: string;
  hint?: string;
}
