import { createHash } from "node:crypto";
import type { NodeFacts } from "../../spire/selectors.js";
import type { Standing } from "./gates.js";

/** What Keylime's services know about a node, for its selectors; the algorithms are those of the quote just verified. */
export function nodeFacts(
  { verifier: { agent }, registrar }: Standing,
  quote: { hashAlg: string; signAlg: string },
): NodeFacts {
  return {
    uuid: agent.agentId,
    verifierId: agent.verifierId,
    hashAlg: quote.hashAlg,
    encAlg: agent.encAlg,
    signAlg: quote.signAlg,
    runtimePolicy: agent.hasRuntimePolicy,
    mbPolicy: agent.hasMeasuredBootPolicy,
    attestationMode: agent.mode,
    agentMtls: typeof registrar.mtlsCert === "object",
    ekCertSha256: registrar.ekCert && createHash("sha256").update(registrar.ekCert).digest("hex"),
    meta: agent.metadata,
  };
}
