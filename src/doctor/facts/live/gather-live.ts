import type { DoctorOptions } from "../../options.js";
import type { LiveOptions } from "../endpoints/endpoint-plan.js";
import { gatherEndpoint } from "../endpoints/gather-endpoint.js";
import { unknown } from "../fact.js";
import type { LiveFacts, OfflineFacts } from "../facts.js";
import type { Machine } from "../machine.js";
import { gatherNode } from "../node/gather-node.js";
import { configuredId } from "./configured-id.js";
import { planContact } from "./plan-contact.js";
import { planEndpoints } from "./plan-live.js";
import { planNode } from "./plan-node.js";

/** Asks what the configuration names: all endpoints beside each other, then what they know of the node. */
export async function gatherLive(facts: OfflineFacts, machine: Machine, options: DoctorOptions): Promise<LiveFacts> {
  if (options.offline) return noLiveFacts(facts, "no connection is made (--offline)");
  const { timeoutMs, signal } = options;
  const live: LiveOptions = { timeoutMs, ...(signal === undefined ? {} : { signal }) };
  const plans = planEndpoints(facts, machine, options);
  const looks = await Promise.all(plans.map(async (plan) => ({ plan, seen: await gatherEndpoint(plan, live) })));
  const endpoints = looks.map(({ seen }) => seen);
  const node = await gatherNode(planNode(facts, looks, machine), live);
  const contacts = await Promise.all(planContact(node, endpoints).map((plan) => gatherEndpoint(plan, live)));
  return { endpoints: { known: true, value: [...endpoints, ...contacts], source: "live probes" }, node };
}

/** What the node's UUID is, a file can tell as well. */
function noLiveFacts(facts: OfflineFacts, reason: string): LiveFacts {
  const nothing = unknown(reason, "live probes");
  const agentId = configuredId(facts, undefined);
  return {
    endpoints: nothing,
    node: { agentId: agentId.known ? agentId : nothing, info: nothing, registrar: nothing, verifier: nothing },
  };
}
