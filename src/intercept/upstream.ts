import { isIP } from "node:net";
import { checkServerIdentity, connect, type TLSSocket } from "node:tls";
import { errorText, Problem } from "../core/problem.js";

/** The real service, and what is presented to it in the client's place. */
export interface Upstream {
  host: string;
  port: number;
  serverName: string;
  certPem: string | undefined;
  keyPem: string | undefined;
  caPem: string;
  timeoutMs: number;
}

/** A verified connection; a refusal that TLS 1.3 brings later arrives as the socket's error. */
export function connectUpstream(upstream: Upstream): Promise<TLSSocket> {
  const { host, port, serverName, certPem, keyPem, caPem, timeoutMs } = upstream;
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      ca: caPem,
      ...(certPem === undefined ? {} : { cert: certPem }),
      ...(keyPem === undefined ? {} : { key: keyPem }),
      // A host name goes out as SNI; an address is only checked.
      servername: isIP(serverName) === 0 ? serverName : "",
      checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
      minVersion: "TLSv1.2",
    });
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      resolve(socket);
    });
    socket.once("error", (error) => {
      clearTimeout(timer);
      reject(upstreamProblem(upstream, error));
    });
  });
}

export function upstreamProblem({ host, port }: Upstream, error: unknown): Problem {
  return new Problem("intercept-upstream", `cannot pass the request on to ${host}:${port}: ${errorText(error)}`, {
    culprit: "peer",
    cause: error,
    hint: `see what it says with: spire-keylime probe ${host}:${port} --cert … --key … --ca …`,
  });
}
