import type { EndpointFacts } from "../endpoints/endpoint-facts.js";
import type { EndpointPlan } from "../endpoints/endpoint-plan.js";
import type { NodeFacts } from "../node/node-facts.js";
import { isHere } from "./own-machine.js";

/** The address at which the verifier polls the node: tried from here when the verifier is on this machine too. */
export function planContact({ verifier }: NodeFacts, endpoints: readonly EndpointFacts[]): EndpointPlan[] {
  if (!verifier.known || verifier.value.is !== "enrolled") return [];
  const { ip: host, port } = verifier.value.agent;
  const service = endpoints.find(({ role }) => role === "verifier");
  if (host === undefined || port === undefined || service === undefined || !isHere(service)) return [];
  const namedBy = { text: "ip and port of the verifier's entry", at: { file: verifier.source } };
  const id = "verifier->agent";
  return [
    { id, role: "contact", askedBy: "verifier", host, port, serverName: host, namedBy, credentials: [], caFiles: [] },
  ];
}
