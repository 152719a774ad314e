import { type OptionSource, sourceText } from "../../../keylime/config/component-config.js";
import { settleOption } from "../../../keylime/config/settle-option.js";
import type { DoctorOptions } from "../../options.js";
import type { CredentialPlan, EndpointPlan, NamedBy } from "../endpoints/endpoint-plan.js";
import type { OfflineFacts } from "../facts.js";
import { agentSetting } from "../keylime/agent-setting.js";
import { pushModeOption } from "../keylime/push-mode.js";
import type { Machine } from "../machine.js";
import type { ServiceName } from "../processes/program.js";
import { agentViewOf } from "../spire/plugin-of.js";
import { isOwnHost } from "./own-machine.js";

interface Context {
  facts: OfflineFacts;
  /** What the plugins ask. */
  asked: readonly EndpointPlan[];
  keylime: readonly CredentialPlan[];
  machine: Machine;
  options: DoctorOptions;
}

/**
 * What Keylime's own configuration names. A package puts a file for every service on every machine, so that a file counts
 * where its service runs, or where the operator names it.
 */
export function planKeylimeEndpoints(context: Context): EndpointPlan[] {
  const { facts, asked, options } = context;
  const has = (role: EndpointPlan["role"]) => asked.some((each) => each.role === role);
  const runs = (service: ServiceName, file: string | undefined) => file !== undefined || isRunning(facts, service);
  return [
    ...(!has("verifier") && runs("keylime_verifier", options.verifierConfig) ? ownAddress(context, "verifier") : []),
    ...(!has("registrar") && runs("keylime_registrar", options.registrarConfig)
      ? ownAddress(context, "registrar")
      : []),
    ...(runs("keylime_agent", options.keylimeAgentConfig) || isAgentHere(facts) ? registrarOfAgent(context) : []),
  ];
}

function isRunning({ processes }: OfflineFacts, name: ServiceName): boolean {
  return processes.known && processes.value.some(({ service }) => service === name);
}

function isAgentHere({ spireAgent }: OfflineFacts): boolean {
  const view = agentViewOf(spireAgent);
  return view !== undefined && isOwnHost(view.host);
}

/** Where a service listens for TLS, by its own file: template 2.6 of keylime 7.14.3. */
const ports = { verifier: { option: "port", builtIn: "8881" }, registrar: { option: "tls_port", builtIn: "8891" } };

function ownAddress({ facts, keylime, machine }: Context, role: "verifier" | "registrar"): EndpointPlan[] {
  const service = facts.keylime[role];
  if (!service.known) return [];
  const { config } = service.value;
  const ip = settleOption(config, "ip");
  const port = settleOption(config, ports[role].option);
  if (machine.isCopy && (ip === undefined || port === undefined)) return [];
  const host = reachable(ip?.value ?? "127.0.0.1");
  return endpoint({
    id: `${role}'s own address`,
    role,
    host,
    port: port?.value ?? ports[role].builtIn,
    namedBy: namedBy(ports[role].option, port?.source, service.source),
    credentials: keylime,
    caFiles: trustFiles(facts).map((path) => machine.locate(path)),
  });
}

/** Agents register in plain HTTP. */
function registrarOfAgent({ facts }: Context): EndpointPlan[] {
  const [host, port] = [agentSetting(facts, "registrar_ip"), agentSetting(facts, "registrar_port")];
  if (host === undefined || port === undefined || pushModeOption(facts.keylime) !== undefined) return [];
  return endpoint({
    id: "agent->registrar",
    role: "registrar-http",
    host: host.value,
    port: port.value,
    namedBy: namedBy("registrar_port", port.source, facts.keylime.agent.source),
    credentials: [],
    caFiles: [],
  });
}

function endpoint({
  port,
  ...plan
}: Omit<EndpointPlan, "port" | "askedBy" | "serverName"> & { port: string }): EndpointPlan[] {
  const number = Number(port);
  if (!Number.isInteger(number) || number < 1 || number > 65_535 || plan.host === "") return [];
  const askedBy = plan.role === "registrar-http" ? "keylime-agent" : "nobody";
  return [{ ...plan, port: number, askedBy, serverName: plan.host }];
}

/** What listens on every address is asked at loopback. */
function reachable(ip: string): string {
  if (ip === "0.0.0.0") return "127.0.0.1";
  return ip === "::" ? "::1" : ip;
}

function namedBy(option: string, source: OptionSource | undefined, file: string): NamedBy {
  if (source === undefined) return { text: `${option} is not set, so its default counts`, at: { file } };
  if (source.kind === "environment") return { text: option, at: { file: sourceText(source) } };
  return { text: option, at: { file: source.file, line: source.line, column: source.column } };
}

/** What Keylime's own clients judge its servers by. */
function trustFiles({ keylime: { tenant, verifier } }: OfflineFacts): string[] {
  return [tenant, verifier].flatMap((each) => (each.known ? (each.value.tls.trustedServerCa?.files ?? []) : []));
}
