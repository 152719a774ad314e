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
export type PeerStage = "queue" | "dns" | "connect" | "tls" | "response" | "body";
