import type { SourcePosition } from "../../../core/problem.js";

/** One `proxy_pass` over TLS of an nginx configuration on the examined machine, with what counts for it. */
export interface ProxyFacts {
  /** Of the directive. */
  at: SourcePosition;
  /** `https://keylime_verifier` */
  target: string;
  /** Where it leads: the servers of an upstream block, else the one of the URL. */
  servers: readonly { host: string; port: number }[];
  /** What the server block listens to, as written. */
  listens: readonly string[];
  /** The name that the verifier's certificate is held against: proxy_ssl_name, else the one of the URL. */
  name: { value: string; at: SourcePosition | undefined };
  /** proxy_ssl_server_name: whether the name is sent as SNI. */
  sendsName: boolean;
  /** proxy_ssl_verify: whether anything of the certificate counts. */
  verifies: boolean;
}
