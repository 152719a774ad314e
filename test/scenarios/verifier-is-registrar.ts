import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "the registrar's HTTPS port in the verifier's place",
    changes: ({ registrar }) => ({ server: { keylime_verifier_port: String(registrar.httpsAddress.port) } }),
    causes: ["verifier-is-registrar"],
    says: ["a Keylime registrar stands at 127.0.0.1:", "Action read_registration", "Agent with ID"],
  }),
];
