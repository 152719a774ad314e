import type { FaultId } from "../faults/faults.js";
import type { PeerErrorKind } from "./peer-errors.js";

/** Who the peer is to an operator: the name messages use, and the faults of this leg. */
export interface PeerRole {
  /** With its article: `the Keylime verifier`. */
  name: string;
  /** The fault a kind of error stands for on this leg, where the general one of `peer-errors.ts` does not fit. */
  faults: Partial<Record<PeerErrorKind, FaultId>>;
  /** The configuration key of the name the server's certificate must carry, for hints. */
  serverNameKey?: string;
}
