import type { KeylimeWorld } from "../fakes/keylime-world.js";
import { startTerminatingProxy } from "../fakes/terminating-proxy.js";
import { goServerConf, liveScenario, pluginCert, pluginKey } from "./support/live-set-ups.js";

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
  liveScenario({
    name: "a proxy that names a CA which did not issue the Go plugin's certificate",
    files: async ({ verifier }, pki) =>
      goServerConf(
        await startTerminatingProxy(pki, verifier.address.port, {
          requestCert: true,
          clientCa: pki.cvCa.ca.certPem,
        }),
      ),
    causes: ["client-cert-not-sent"],
    says: ["Go sends no certificate here: the server names the CAs it accepts (", "CN=Keylime Certificate Authority"],
  }),
  liveScenario({
    name: "a certificate without common name, whose holder is nobody to Keylime",
    async files(_, pki) {
      const { chainPem, keyPem } = await pki.issue({ subject: "C=US, O=Funlab.Casa, OU=SPIRE", eku: ["clientAuth"] });
      return { [pluginCert]: chainPem, [pluginKey]: { text: keyPem, mode: 0o600 } };
    },
    causes: ["client-cert-not-sent"],
    says: ["has no common name", "issue the certificate with a common name"],
  }),
];
