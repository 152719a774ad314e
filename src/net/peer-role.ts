import type { FaultId } from "../faults/faults.js";
import type { PeerErrorKind } from "./peer-error-kind.js";

/** Who the peer is to an operator: the name messages use, and the faults of this leg. */
export interface PeerRole {
  /** With its article: `the Keylime verifier`. */
  name: string;
  /** The fault a kind of error stands for on this leg, where a general one does not fit better. */
  faults: Partial<Record<PeerErrorKind, FaultId>>;
  /** The fault when the peer refuses a client certificate that comes from the peer's own PKI, and one that does not. */
  refusal: { samePki: FaultId; otherPki: FaultId };
  /** The fault when the peer sends a leaf alone and its issuer is not in the CA file. */
  leafAlone: FaultId;
  /** The configuration key of the name the server's certificate must carry, for hints. */
  serverNameKey?: string;
}
