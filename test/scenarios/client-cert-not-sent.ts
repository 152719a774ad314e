import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import type { KeylimeWorld } from "../fakes/keylime-world.js";
import { liveScenario } from "./support/live-set-ups.js";

/** Ends the TLS connection in the verifier's place and asks the verifier without a certificate; ends with the process. */
async function startProxy({ pki, verifier }: KeylimeWorld, requestCert: boolean): Promise<string> {
  const ca = pki.caCompleteChainPem;
  const own = { cert: pki.verifier.chainPem, key: pki.verifier.keyPem, ca };
  const server = createServer({ ...own, requestCert, rejectUnauthorized: requestCert }, (client: TLSSocket) => {
    const upstream = connect({ host: "127.0.0.1", port: verifier.address.port, ca });
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  server.unref();
  return String((server.address() as AddressInfo).port);
}

export const scenarios = [
  liveScenario({
    name: "a proxy that takes the client certificate and presents none to the verifier",
    changes: async (world) => ({ server: { keylime_verifier_port: await startProxy(world, true) } }),
    causes: ["client-cert-not-sent"],
    says: ["was sent and accepted in the handshake, and the verifier behind it saw none", "HTTP 403"],
  }),
  liveScenario({
    name: "a proxy that asks for no client certificate",
    changes: async (world) => ({ server: { keylime_verifier_port: await startProxy(world, false) } }),
    causes: ["client-cert-not-sent"],
    says: ["the server asks for no client certificate"],
  }),
];
