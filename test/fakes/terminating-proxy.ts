import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import type { FieldReportPki } from "../../src/peers/pki/field-report-pki.js";

/**
 * Ends the TLS connection in the verifier's place and asks the verifier without a certificate; the port it listens on. It
 * ends with the process.
 */
export async function startTerminatingProxy(
  pki: FieldReportPki,
  verifierPort: number,
  { requestCert }: { requestCert: boolean },
): Promise<number> {
  const ca = pki.caCompleteChainPem;
  const own = { cert: pki.verifier.chainPem, key: pki.verifier.keyPem, ca };
  const server = createServer({ ...own, requestCert, rejectUnauthorized: requestCert }, (client: TLSSocket) => {
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
