import { agentConfOf, liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "the registrar's HTTP port where the plugin speaks TLS",
    changes: ({ registrar }) => ({ server: { keylime_registrar_port: String(registrar.httpAddress.port) } }),
    causes: ["registrar-port-mixup"],
    says: ["speaks plain HTTP, where TLS is spoken to it", "8891 by default"],
  }),
  liveScenario({
    name: "the registrar's HTTPS port where the Keylime agent speaks plain HTTP",
    world: { registered: false, enrolled: false },
    files: (world) => ({
      "/etc/keylime/agent.conf": agentConfOf(world, { registrar_port: String(world.registrar.httpsAddress.port) }),
    }),
    causes: ["registrar-port-mixup", "agent-not-registered", "agent-not-enrolled"],
    says: ["speaks TLS, where plain HTTP is spoken to it", "/etc/keylime/agent.conf:6", "8890 by default"],
  }),
];
