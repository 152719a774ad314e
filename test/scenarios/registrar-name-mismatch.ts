import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "a server name that the registrar's certificate does not carry",
    changes: () => ({ server: { keylime_registrar_server_name: "spire.funlab.casa" } }),
    causes: ["registrar-name-mismatch"],
    says: [
      "the certificate of the registrar at 127.0.0.1:",
      "does not carry the name spire.funlab.casa",
      "DNS:registrar.keylime.funlab.casa",
      "set keylime_registrar_server_name to a name in the certificate",
    ],
  }),
];
