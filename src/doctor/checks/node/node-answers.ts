import { isIP } from "node:net";
import type { VerifierAgent } from "../../../keylime/types.js";
import type { Fact } from "../../facts/fact.js";
import type { Facts } from "../../facts/facts.js";
import type { RegistrarEntry } from "../../facts/node/node-facts.js";
import { type Evidence, notLearnt, type Outcome } from "../check.js";

/** The UUID with what says so, for summaries and evidence. */
export function idEvidence({ node: { agentId } }: Facts): Evidence {
  return agentId.known
    ? { text: `UUID ${agentId.value} (${agentId.source})` }
    : { text: `the UUID is not known: ${agentId.reason}` };
}

/** Evidence that a service said something, where it said it. */
export function answerEvidence({ source }: Fact<unknown>, text: string): Evidence {
  return { text: `${source}: ${text}` };
}

export function registeredEntry({ node: { registrar } }: Facts): RegistrarEntry | undefined {
  return registrar.known && registrar.value.is === "registered" ? registrar.value.entry : undefined;
}

export function enrolledAgent({ node: { verifier } }: Facts): VerifierAgent | undefined {
  return verifier.known && verifier.value.is === "enrolled" ? verifier.value.agent : undefined;
}

/** The outcome of a check that needs the verifier's entry and has none; undefined when there is one. */
export function withoutEntry({ node: { verifier }, scope }: Facts): Outcome | undefined {
  if (!verifier.known) return notLearnt({ scope }, verifier.reason);
  return verifier.value.is === "enrolled"
    ? undefined
    : { is: "skipped", reason: "the verifier does not know the agent" };
}

export function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || (isIP(address) === 4 && address.startsWith("127."));
}
