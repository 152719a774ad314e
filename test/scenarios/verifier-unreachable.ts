import { freePort } from "../support/free-port.js";
import { liveScenario } from "./support/live-set-ups.js";
import { serverConf } from "./support/set-ups.js";

export const scenarios = [
  liveScenario({
    name: "a port on which nobody listens",
    changes: async () => ({ server: { keylime_verifier_port: String(await freePort()) } }),
    causes: ["verifier-unreachable"],
    says: ["connection refused", `${serverConf}:12`, "keylime_verifier_port"],
  }),
  liveScenario({
    name: "a name that does not resolve",
    changes: () => ({ server: { keylime_verifier_host: "verifier.invalid" } }),
    causes: ["verifier-unreachable"],
    says: ["cannot be looked up", "verifier.invalid"],
  }),
];
