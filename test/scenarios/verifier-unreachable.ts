import { freePort } from "../support/free-port.js";
import { liveScenario } from "./support/live-set-ups.js";
import { agentConf, healthy, serverConf, verifierConf } from "./support/set-ups.js";

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
  liveScenario({
    name: "the verifier's own address, on a machine without SPIRE",
    files: (_, pki) => ({
      [serverConf]: null,
      [agentConf]: null,
      [verifierConf]: `${healthy(pki)[verifierConf]}ip = 0.0.0.0\nport = 9\n`,
    }),
    options: { verifierConfig: verifierConf },
    causes: ["verifier-unreachable"],
    says: ["the verifier at 127.0.0.1:9 cannot be reached", `port: 127.0.0.1:9 (${verifierConf}:9)`],
  }),
];
