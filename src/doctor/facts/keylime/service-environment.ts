import type { ProcessFacts } from "../processes/process-facts.js";
import type { UnitFacts } from "../units/gather-units.js";

/** How the services are started: what runs, and what systemd would start. */
export interface Starts {
  processes: readonly ProcessFacts[];
  units: readonly UnitFacts[];
}

export interface ServiceEnvironment {
  /** KEYLIME_* variables. */
  values: Readonly<Record<string, string>>;
  /** Where they were seen, in words. */
  from: string;
}

const services: Record<"verifier" | "registrar" | "tenant" | "agent", string> = {
  verifier: "keylime_verifier",
  registrar: "keylime_registrar",
  tenant: "keylime_tenant",
  agent: "keylime_agent",
};

/**
 * The environment that counts for a service: of the running process, else of its unit, else none. Of several processes the
 * one that was started with the file that is asked for.
 */
export function serviceEnvironment(
  { processes, units }: Starts,
  component: keyof typeof services,
  asked?: string,
): ServiceEnvironment {
  const variable = `KEYLIME_${component.toUpperCase()}_CONFIG`;
  const running = processes.filter(({ service, isWorker }) => service === services[component] && !isWorker);
  const own = running.find(({ environment }) => environment.known && environment.value[variable] === asked);
  const process = own ?? running[0];
  if (process?.environment.known) return { values: process.environment.value, from: `process ${process.pid}` };
  const unit = units.find(({ service }) => service === services[component]);
  if (unit === undefined) return { values: {}, from: "no process and no unit of it was found" };
  const values = Object.fromEntries(Object.entries(unit.environment).map(([name, { value }]) => [name, value]));
  return { values, from: `unit ${unit.unit}` };
}
