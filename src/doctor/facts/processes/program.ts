import { basename } from "node:path";

/** The services on the path of an attestation; their names are those of their executables and units. */
export const services = [
  "spire-server",
  "spire-agent",
  "keylime_verifier",
  "keylime_registrar",
  "keylime_agent",
] as const;
export type ServiceName = (typeof services)[number];

/** Keylime's services can also be started as modules: `python3 -m keylime.cmd.verifier`. */
const modules: Record<string, ServiceName> = {
  "keylime.cmd.verifier": "keylime_verifier",
  "keylime.cmd.registrar": "keylime_registrar",
};

/** Which service a command line runs; undefined for everything else, a service's own client commands included. */
export function serviceOf(command: readonly string[]): ServiceName | undefined {
  const [program = "", ...args] = command;
  const name = basename(program);
  if (name === "spire-server" || name === "spire-agent") return args[0] === "run" ? name : undefined;
  if (/^python[\d.]*$/.test(name)) return pythonService(args);
  return nameOf(name);
}

/** Options before the script are Python's own; the two that take a value of their own are rare here. */
function pythonService(args: readonly string[]): ServiceName | undefined {
  const at = args.findIndex((each) => !each.startsWith("-"));
  if (at === -1) return undefined;
  return args[at - 1] === "-m" ? modules[args[at]!] : nameOf(basename(args[at]!));
}

function nameOf(name: string): ServiceName | undefined {
  return services.find((each) => each === name && each.startsWith("keylime_"));
}
