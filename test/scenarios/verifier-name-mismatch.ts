import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "a server name that the verifier's certificate does not carry",
    changes: () => ({ server: { keylime_verifier_server_name: "spire.funlab.casa" } }),
    causes: ["verifier-name-mismatch"],
    says: [
      "does not carry the name spire.funlab.casa",
      "DNS:verifier.keylime.funlab.casa",
      "keylime_verifier_server_name",
    ],
  }),
];
