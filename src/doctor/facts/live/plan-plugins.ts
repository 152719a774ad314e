import { settleOption } from "../../../keylime/config/settle-option.js";
import type { Origin } from "../../../spire/settings.js";
import type { CredentialPlan, EndpointPlan, NamedBy } from "../endpoints/endpoint-plan.js";
import type { OfflineFacts } from "../facts.js";
import type { Machine } from "../machine.js";
import { pluginOf } from "../spire/plugin-of.js";
import type { AgentView, PluginDataFacts, PluginFacts, ServerView } from "../spire/spire-facts.js";
import { credentialPlan, distinct, pluginCredentials, stackOf } from "./credentials.js";
import { isOwnHost } from "./own-machine.js";

/** More of them than anybody runs beside each other; each costs connections. */
const mostVerifiers = 3;

/** What the two halves of the plugin ask. */
export function planPluginEndpoints(
  facts: OfflineFacts,
  keylime: readonly CredentialPlan[],
  machine: Machine,
): EndpointPlan[] {
  const server = pluginOf(facts.spireServer);
  const agent = pluginOf(facts.spireAgent);
  const view = server?.data.known ? server.data.value.server : undefined;
  // What polls the agent is the verifier of this machine, unless the plugin asks another one.
  const isVerifierHere = view === undefined || view.verifiers.some(({ host }) => isOwnHost(host));
  const polls = isVerifierHere && speaksTlsToAgents(facts);
  const verifiers = polls ? keylime.filter(({ label }) => label === "verifier") : [];
  return [
    ...(server?.data.known && view !== undefined
      ? serverEndpoints({ plugin: server, data: server.data.value, keylime, machine }, view)
      : []),
    ...(agent?.data.known ? agentEndpoints(agent, agent.data.value, verifiers, machine) : []),
  ];
}

function speaksTlsToAgents({ keylime: { verifier } }: OfflineFacts): boolean {
  const option = verifier.known ? settleOption(verifier.value.config, "enable_agent_mtls") : undefined;
  return option?.value.toLowerCase() !== "false";
}

function serverEndpoints(context: Parameters<typeof pluginCredentials>[0], server: ServerView): EndpointPlan[] {
  const { data, machine } = context;
  const { registrar } = server;
  const askedBy = "server-plugin";
  return [
    ...server.verifiers.slice(0, mostVerifiers).map(
      ({ host, port }, index): EndpointPlan => ({
        id: `plugin->verifier${index === 0 ? "" : `#${index + 1}`}`,
        role: "verifier",
        askedBy,
        host,
        port,
        serverName: server.verifierServerName ?? host,
        namedBy: namedBy(data, server.origins, [
          "keylime_verifier_urls",
          "keylime_verifier_port",
          "keylime_verifier_host",
        ]),
        credentials: pluginCredentials(context, server.tls),
        caFiles: [machine.locate(server.tls.caFile.path)],
      }),
    ),
    ...(registrar === undefined
      ? []
      : [
          {
            id: "plugin->registrar",
            role: "registrar" as const,
            askedBy,
            host: registrar.host,
            port: registrar.port,
            serverName: registrar.serverName ?? registrar.host,
            namedBy: namedBy(data, server.origins, ["keylime_registrar_port", "keylime_registrar_host"]),
            credentials: pluginCredentials(context, registrar.tls),
            caFiles: [machine.locate(registrar.tls.caFile.path)],
          } as const,
        ]),
  ];
}

function agentEndpoints(
  plugin: PluginFacts,
  data: PluginDataFacts,
  verifiers: readonly CredentialPlan[],
  machine: Machine,
): EndpointPlan[] {
  const { agent } = data;
  if (agent === undefined) return [];
  const { certFile, keyFile } = agent.tls;
  const own =
    certFile === undefined || keyFile === undefined || agent.useTls === false
      ? []
      : [credentialPlan("configured", { cert: certFile.path, key: keyFile.path }, stackOf(plugin), machine)];
  return [
    {
      id: "agent-plugin->agent",
      role: "agent",
      askedBy: "agent-plugin",
      host: agent.host,
      port: agent.port,
      serverName: agent.serverName ?? agent.host,
      namedBy: namedBy(data, agent.origins, ["keylime_agent_port", "keylime_agent_host"]),
      credentials: distinct([...own, ...verifiers]),
      caFiles: pathsOf(agent).map((path) => machine.locate(path)),
    },
  ];
}

const pathsOf = ({ tls: { caFile } }: AgentView): string[] => (caFile === undefined ? [] : [caFile.path]);

/** Where the first of the keys that is set stands; with none, that they are defaults. */
function namedBy(data: PluginDataFacts, origins: Readonly<Record<string, Origin>>, keys: readonly string[]): NamedBy {
  const set = keys.map((key) => origins[key]).find((origin) => origin !== undefined && !origin.isDefault);
  if (set === undefined) return { text: `${keys.at(-1)} is not set, so its default counts`, at: { file: data.file } };
  return { text: set.key, at: { file: data.file, ...set.at } };
}
