import type { CredentialFiles } from "../../../probe/load-credentials.js";
import type { Stack } from "../../../probe/stack.js";

/** What is expected behind an endpoint; of a `contact`, the address at which the verifier polls, only TCP is tried. */
export type EndpointRole = "verifier" | "registrar" | "registrar-http" | "agent" | "contact";

/** A client certificate to try, as somebody's configuration names it or as it was found. */
export interface CredentialPlan {
  /**
   * `configured`: what the client whose endpoint this is presents; `go-default`: what the Go plugin falls back to; `verifier`
   * and `tenant`: what these present as clients.
   */
  label: "configured" | "go-default" | "verifier" | "tenant" | "candidate";
  /** Paths on this machine, `--root` included. */
  files: CredentialFiles;
  /** As the configuration writes the certificate's path. */
  name: string;
  /** How the client that uses it would present it. */
  stack: Stack;
}

/** What says that this endpoint is the one to ask: a configuration key and where it stands. */
export interface NamedBy {
  text: string;
  at: { file: string; line?: number; column?: number };
}

/** Whose configuration names the endpoint as one to ask; `nobody`: only the service's own says that it listens there. */
export type EndpointAsker = "server-plugin" | "agent-plugin" | "keylime-agent" | "verifier" | "nobody";

export interface EndpointPlan {
  /** Of the facts that come of it. */
  id: string;
  role: EndpointRole;
  askedBy: EndpointAsker;
  host: string;
  port: number;
  /** The name the server's certificate must carry. */
  serverName: string;
  namedBy: NamedBy;
  /** The first is tried first; at most `mostCredentials` are. */
  credentials: readonly CredentialPlan[];
  /** PEM files of CAs that OpenSSL-based clients complete their chains from; unreadable ones are left out. */
  caFiles: readonly string[];
}

/** For every endpoint together with its time-outs. */
export interface LiveOptions {
  /** For each step: look-up, connection, handshake, answer. */
  timeoutMs: number;
  signal?: AbortSignal;
}
