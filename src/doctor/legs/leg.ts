import type { StackId } from "../../x509/trust/stacks.js";
import type { TrustError } from "../../x509/trust/verdict.js";
import type { FileCertificate, FileFacts, FileUse, LegId, ReaderId } from "../facts/files/file-facts.js";

/** One mutual-TLS connection of the set-up: who presents what, who trusts what, and what comes of it. */
export interface Leg {
  id: LegId;
  client: LegEnd;
  server: LegEnd;
  /** What the client makes of the server, and the server of the client. */
  verdicts: { client: SideVerdict; server: SideVerdict };
  /** The server answered a request with the client's own certificate, whatever its configuration says. */
  isClientTakenLive: boolean;
  /** The client was seen to have come through to the server: the verifier's last round with the agent was good. */
  isServerTakenLive: boolean;
}

export interface LegEnd {
  reader: ReaderId;
  stack: StackId;
  /** Undefined when no configuration says what it presents. */
  presented: Presented | undefined;
  /** Undefined when no configuration says what it trusts. */
  trust: Trust | undefined;
}

export interface Presented {
  /** Undefined for what was only seen live. */
  own: { use: FileUse; file: FileFacts } | undefined;
  /** `host:port` where the chain was seen live, which counts more than a file. */
  seenAt: string | undefined;
  /** What goes over the wire, leaf first; empty when the file could not be read. */
  sent: readonly LocatedCertificate[];
}

export interface Trust {
  parts: readonly { use: FileUse; file: FileFacts }[];
  /** Of all parts, in their order. */
  certificates: readonly LocatedCertificate[];
}

export interface LocatedCertificate {
  certificate: FileCertificate;
  /** The file it stands in, or `host:port` where it was seen. */
  path: string;
}

export type SideVerdict =
  | {
      is: "accepts";
      /** Leaf first, anchor last; empty when the stack does not look. */
      path: readonly LocatedCertificate[];
      isVerified: boolean;
    }
  | {
      is: "refuses";
      /** In the library's own words. */
      error: TrustError;
      /** Position in the path as far as it was built; 0 is the leaf. */
      depth: number;
      certificate: LocatedCertificate | undefined;
      /** The TLS alert that the other side gets; undefined when the connection is just closed. */
      alert: number | undefined;
    }
  | { is: "unknown"; reason: string };

export type Side = "client" | "server";

/** The end that judges on a side, and the end that it judges. */
export function endsOf(leg: Leg, side: Side): { judge: LegEnd; presenter: LegEnd } {
  return side === "client"
    ? { judge: leg.client, presenter: leg.server }
    : { judge: leg.server, presenter: leg.client };
}
