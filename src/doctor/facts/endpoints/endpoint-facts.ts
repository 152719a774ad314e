import type { AgentsService } from "../../../keylime/service-behind.js";
import type { ProbedConnection } from "../../../probe/report-schema.js";
import type { Fact } from "../fact.js";
import type { CredentialPlan, EndpointPlan } from "./endpoint-plan.js";

/** Everything that was seen of one endpoint. */
export interface EndpointFacts
  extends Pick<EndpointPlan, "id" | "role" | "askedBy" | "host" | "port" | "serverName" | "namedBy"> {
  addresses: Fact<readonly string[]>;
  /** One for each address that was tried. */
  tcp: readonly TcpResult[];
  /** What answers there, once a connection was made; unknown when nothing intelligible came. */
  speaks: Fact<"tls" | "http">;
  /** TLS connections in the order they were made. */
  connections: readonly TlsConnectionFacts[];
  /** Of a request without TLS; undefined when none was made. */
  plain: PlainAnswer | undefined;
  /** Credentials that could not be tried, and why. */
  unusable: readonly { name: string; label: CredentialPlan["label"]; reason: string }[];
  /** Whether the server's certificate carries the server name. */
  name: Fact<{ matches: boolean; names: readonly string[] }>;
  version: Fact<VersionAnswer>;
  /** Which of the two services that share their paths stands behind it. */
  service: Fact<AgentsService>;
  clock: Fact<ClockSkew>;
  /** Of an agent only: whether an identity quote is handed to a caller without a certificate. */
  anonymousQuote: Fact<QuoteAnswer>;
}

export interface TcpResult {
  address: string;
  outcome: "connected" | "refused" | "timeout" | "failed";
  /** The system's words, or how long was waited. */
  detail: string;
}

export interface TlsConnectionFacts {
  /** Undefined: no certificate was presented. */
  presented: { name: string; label: CredentialPlan["label"] } | undefined;
  probed: ProbedConnection;
  /** DER as base64, leaf first, for verdicts on the chain. */
  serverChain: readonly string[];
  /** The proxy or service that names itself in the answer. */
  server: string | undefined;
}

export type PlainAnswer =
  | { is: "http"; status: number; body: string; server: string | undefined }
  | { is: "tls" }
  | { is: "other"; text: string }
  | { is: "nothing"; text: string };

export type VersionAnswer =
  | { is: "list"; offered: readonly string[] }
  /** The verifier of 7.14 in push mode. */
  | { is: "push-mode" }
  /** Keylime before 7.12 has no /version at its registrar. */
  | { is: "none"; status: number };

/** How far the peer's clock is ahead of ours; the Date header's grain and the time on the way make it a range. */
export interface ClockSkew {
  leastMs: number;
  mostMs: number;
}

export interface QuoteAnswer {
  isHandedOut: boolean;
  over: "tls" | "http";
  status: number | undefined;
}
