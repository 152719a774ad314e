import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "the registrar's plain HTTP port in the verifier's place",
    changes: ({ registrar }) => ({ server: { keylime_verifier_port: String(registrar.httpAddress.port) } }),
    causes: ["verifier-not-tls"],
    says: ["answers in plain HTTP, as the registrar's port for agents does", "HTTP 200 without TLS"],
  }),
];
