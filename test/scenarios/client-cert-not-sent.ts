import type { KeylimeWorld } from "../fakes/keylime-world.js";
import { startTerminatingProxy } from "../fakes/terminating-proxy.js";
import { liveScenario } from "./support/live-set-ups.js";

const throughProxy =
  (requestCert: boolean) =>
  async ({ pki, verifier }: KeylimeWorld) => {
    const port = await startTerminatingProxy(pki, verifier.address.port, { requestCert });
    return { server: { keylime_verifier_port: String(port) } };
  };

export const scenarios = [
  liveScenario({
    name: "a proxy that takes the client certificate and presents none to the verifier",
    changes: throughProxy(true),
    causes: ["client-cert-not-sent"],
    says: ["was sent and accepted in the handshake, and the verifier behind it saw none", "HTTP 403"],
  }),
  liveScenario({
    name: "a proxy that asks for no client certificate",
    changes: throughProxy(false),
    causes: ["client-cert-not-sent"],
    says: ["the server asks for no client certificate"],
  }),
];
