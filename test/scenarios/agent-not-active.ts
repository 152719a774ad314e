import { request } from "node:http";
import type { KeylimeWorld } from "../fakes/keylime-world.js";
import { liveScenario } from "./support/live-set-ups.js";

/** Registers without the activation that has to follow. */
function registerOnly({ registrar, tpm, agentId }: KeylimeWorld): Promise<void> {
  const { host, port } = registrar.httpAddress;
  const body = JSON.stringify({
    ek_tpm: tpm.ekPublic.toString("base64"),
    aik_tpm: tpm.akPublic.toString("base64"),
    ekcert: null,
    ip: "127.0.0.1",
    port: 9002,
    mtls_cert: "disabled",
  });
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const path = `/v2.5/agents/${agentId}`;
    const outgoing = request({ host, port, method: "POST", path, headers }, (answer) => {
      answer.resume();
      answer.once("end", resolve);
    });
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}

export const scenarios = [
  liveScenario({
    name: "a registration that no activation followed",
    world: { registered: false, enrolled: false },
    plant: registerOnly,
    causes: ["agent-not-active", "agent-not-enrolled"],
    says: ["its credential was never activated", "has not been activated"],
  }),
];
