import type { DoctorOptions } from "../../options.js";
import type { EndpointPlan } from "../endpoints/endpoint-plan.js";
import type { OfflineFacts } from "../facts.js";
import type { Machine } from "../machine.js";
import { keylimeCredentials } from "./credentials.js";
import { planKeylimeEndpoints } from "./plan-keylime.js";
import { planPluginEndpoints } from "./plan-plugins.js";

/**
 * Which endpoints the examined configuration names, and what to present to each: those that the plugins ask, and of
 * Keylime's own what no plugin names.
 */
export function planEndpoints(facts: OfflineFacts, machine: Machine, options: DoctorOptions): EndpointPlan[] {
  const keylime = keylimeCredentials(facts.keylime, machine);
  const asked = planPluginEndpoints(facts, keylime, machine);
  return [...asked, ...planKeylimeEndpoints({ facts, asked, keylime, machine, options })];
}
