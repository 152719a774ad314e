import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import type { FieldReportPki } from "../../src/peers/pki/field-report-pki.js";

export interface ProxyOptions {
  requestCert: boolean;
  /** The CA that its request names, as an OpenSSL server's does; whoever presents nothing is let through. */
  clientCa?: string;
}

/**
 * Ends the TLS connection in the verifier's place and asks the verifier without a certificate; the port it listens on. It
 * ends with the process.
 */
export async function startTerminatingProxy(
  pki: FieldReportPki,
  verifierPort: number,
  { requestCert, clientCa }: ProxyOptions,
): Promise<number> {
  const ca = pki.caCompleteChainPem;
  const own = { cert: pki.verifier.chainPem, key: pki.verifier.keyPem, ca: clientCa ?? ca };
  const rejectUnauthorized = requestCert && clientCa === undefined;
  const server = createServer({ ...own, requestCert, rejectUnauthorized }, (client: TLSSocket) => {
    const upstream = connect({ host: "127.0.0.1", port: verifierPort, ca });
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  server.unref();
  return (server.address() as AddressInfo).port;
}
