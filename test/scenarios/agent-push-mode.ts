import { pushMode, withCertificates } from "./support/certificate-set-ups.js";
import { liveScenario } from "./support/live-set-ups.js";
import type { Scenario } from "./support/scenario.js";
import { healthy, verifierConf } from "./support/set-ups.js";

const live = [
  liveScenario({
    name: "an entry without address, as a push agent has",
    plant: ({ verifier, agentId }) => verifier.changeAgent(agentId, { ip: null, port: null }),
    causes: ["agent-push-mode"],
    says: ["is attested in push mode", "neither address nor port"],
  }),
  liveScenario({
    name: "a verifier in push mode",
    world: { verifier: { mode: "push" }, enrolled: false },
    causes: ["agent-push-mode"],
    says: ["HTTP 410"],
  }),
  liveScenario({
    name: "not by a file that the running verifier contradicts",
    files: (_, pki) => ({ [verifierConf]: `${healthy(pki)[verifierConf]}mode = push\n` }),
    causes: [],
  }),
];

const offline: readonly Scenario[] = [
  {
    name: "a verifier whose file says so",
    tree: (pki) => [withCertificates(pki), pushMode],
    causes: ["agent-push-mode"],
    says: ["the verifier runs in push mode", `mode = push (${verifierConf}:`],
  },
];

export const scenarios = [...live, ...offline];
