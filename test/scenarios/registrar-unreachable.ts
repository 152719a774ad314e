import { freePort } from "../support/free-port.js";
import { liveScenario } from "./support/live-set-ups.js";
import { serverConf } from "./support/set-ups.js";

export const scenarios = [
  liveScenario({
    name: "a port on which no registrar listens",
    changes: async () => ({ server: { keylime_registrar_port: String(await freePort()) } }),
    causes: ["registrar-unreachable"],
    says: ["the registrar at 127.0.0.1:", "connection refused", `${serverConf}:14`],
  }),
];
