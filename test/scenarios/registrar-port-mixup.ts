import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "the registrar's HTTP port where the plugin speaks TLS",
    changes: ({ registrar }) => ({ server: { keylime_registrar_port: String(registrar.httpAddress.port) } }),
    causes: ["registrar-port-mixup"],
    says: ["speaks plain HTTP, where TLS is spoken to it", "8891 by default"],
  }),
];
