import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createSelfSigned } from "../../../peers/pki/authority.js";
import type { HandshakeStory } from "../../../peers/tls-server/story.js";
import { createTlsServer, takesAnybody } from "../../../peers/tls-server/tls-server.js";

/** Listens on loopback in the verifier's place, asks for a client certificate, takes any, and answers nothing. */
export interface VerifierStandIn extends AsyncDisposable {
  port: number;
  /** The first handshake that ends. */
  handshake: Promise<HandshakeStory>;
}

export async function startVerifierStandIn(): Promise<VerifierStandIn> {
  const { certPem, keyPem } = await createSelfSigned({ commonName: "localhost", ipAddresses: ["127.0.0.1"] });
  let met!: (story: HandshakeStory) => void;
  const handshake = new Promise<HandshakeStory>((resolve) => {
    met = resolve;
  });
  const server = createTlsServer(
    {
      certPem,
      keyPem,
      ...takesAnybody,
      onHandshake: met,
    },
    (connection) => connection.destroy(),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    handshake,
    async [Symbol.asyncDispose]() {
      server.close();
      server.destroyConnections();
    },
  };
}
