import { dirname } from "node:path";
import { loadCandidates } from "../../../probe/load-candidates.js";
import type { Stack } from "../../../probe/stack.js";
import { goPluginKeys } from "../../../spire/schema.js";
import type { ClientTlsFiles, FileSetting, Origin } from "../../../spire/settings.js";
import type { CredentialPlan, EndpointPlan, NamedBy } from "../endpoints/endpoint-plan.js";
import type { Facts } from "../facts.js";
import type { Machine } from "../machine.js";
import { pluginOf } from "../spire/plugin-of.js";
import type { AgentView, PluginDataFacts, PluginFacts, ServerView } from "../spire/spire-facts.js";

export type OfflineFacts = Omit<Facts, "endpoints" | "node">;

/** More of them than anybody runs beside each other; each costs connections. */
const mostVerifiers = 3;
const mostCandidates = 5;

/** Which endpoints the examined configuration names, and what to present to each. */
export function planEndpoints(facts: OfflineFacts, machine: Machine): EndpointPlan[] {
  const server = pluginOf(facts.spireServer);
  const agent = pluginOf(facts.spireAgent);
  return [
    ...(server?.data.known ? serverEndpoints(server, server.data.value, machine) : []),
    ...(agent?.data.known ? agentEndpoints(agent, agent.data.value, machine) : []),
  ];
}

function serverEndpoints(plugin: PluginFacts, data: PluginDataFacts, machine: Machine): EndpointPlan[] {
  const { server } = data;
  if (server === undefined) return [];
  const { registrar } = server;
  const common = { plugin, data, server, machine };
  return [
    ...server.verifiers.slice(0, mostVerifiers).map(
      ({ host, port }, index): EndpointPlan => ({
        id: `plugin->verifier${index === 0 ? "" : `#${index + 1}`}`,
        role: "verifier",
        host,
        port,
        serverName: server.verifierServerName ?? host,
        namedBy: namedBy(data, server.origins, [
          "keylime_verifier_urls",
          "keylime_verifier_port",
          "keylime_verifier_host",
        ]),
        ...credentialsOf(common, server.tls),
      }),
    ),
    ...(registrar === undefined
      ? []
      : [
          {
            id: "plugin->registrar",
            role: "registrar" as const,
            host: registrar.host,
            port: registrar.port,
            serverName: registrar.serverName ?? registrar.host,
            namedBy: namedBy(data, server.origins, ["keylime_registrar_port", "keylime_registrar_host"]),
            ...credentialsOf(common, registrar.tls),
          },
        ]),
  ];
}

function agentEndpoints(plugin: PluginFacts, data: PluginDataFacts, machine: Machine): EndpointPlan[] {
  const { agent } = data;
  if (agent === undefined) return [];
  const { certFile, keyFile } = agent.tls;
  const own =
    certFile === undefined || keyFile === undefined || agent.useTls === false
      ? []
      : [
          credentialPlan(
            "configured",
            certFile.path,
            { cert: certFile.path, key: keyFile.path },
            stackOf(plugin),
            machine,
          ),
        ];
  return [
    {
      id: "agent plugin->Keylime agent",
      role: "agent",
      host: agent.host,
      port: agent.port,
      serverName: agent.serverName ?? agent.host,
      namedBy: namedBy(data, agent.origins, ["keylime_agent_port", "keylime_agent_host"]),
      credentials: own,
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

interface ServerContext {
  plugin: PluginFacts;
  data: PluginDataFacts;
  server: ServerView;
  machine: Machine;
}

function credentialsOf(context: ServerContext, tls: ClientTlsFiles): Pick<EndpointPlan, "credentials" | "caFiles"> {
  const { plugin, machine } = context;
  const { certFile, keyFile, keyPasswordFile, caFile } = tls;
  const files = { cert: certFile.path, key: keyFile.path, password: keyPasswordFile?.path };
  const configured = credentialPlan("configured", certFile.path, files, stackOf(plugin), machine);
  const defaults = { cert: goPluginKeys.server.keylime_tls_cert_file, key: goPluginKeys.server.keylime_tls_key_file };
  const goDefault = credentialPlan("go-default", defaults.cert, defaults, "go", machine);
  const more = [...misspeltCredentials(context), ...neighbours([certFile, caFile], machine)];
  const others = [goDefault, ...more].filter((each) => each.label !== "go-default" || plugin.kind !== "ours");
  const distinct = [configured, ...others].filter(
    (each, at, all) => all.findIndex(({ files: { cert } }) => cert === each.files.cert) === at,
  );
  return { credentials: distinct.slice(0, 1 + mostCandidates), caFiles: [machine.locate(caFile.path)] };
}

interface PairPaths {
  cert: string;
  key: string;
  password?: string | undefined;
}

function credentialPlan(
  label: CredentialPlan["label"],
  name: string,
  { cert, key, password }: PairPaths,
  stack: Stack,
  machine: Machine,
): CredentialPlan {
  const keyPassword = password === undefined ? undefined : machine.locate(password);
  return { label, name, files: { cert: machine.locate(cert), key: machine.locate(key), keyPassword }, stack };
}

/** What keys that the plugin does not know name is what the operator meant to present. */
function misspeltCredentials({ plugin, data, machine }: ServerContext): CredentialPlan[] {
  const unknown = data.keys.filter(({ knownAs, value }) => knownAs === undefined && value !== undefined);
  const cert = unknown.find(({ name }) => /cert/i.test(name) && !/ca_/i.test(name))?.value;
  const key = unknown.find(({ name }) => /key_?(file)?$/i.test(name))?.value;
  if (cert === undefined || key === undefined) return [];
  return [credentialPlan("candidate", cert, { cert, key }, stackOf(plugin), machine)];
}

/** Certificates with their keys in the folders of the configured files. */
function neighbours(files: readonly FileSetting[], machine: Machine): CredentialPlan[] {
  const folders = [...new Set(files.map(({ path }) => dirname(path)))];
  return folders.flatMap((folder) => {
    try {
      return loadCandidates(machine.locate(folder), undefined).candidates.map(({ name, keyPath }) =>
        credentialPlan("candidate", machine.nameOf(name), { cert: name, key: keyPath }, "go", machine),
      );
    } catch {
      return [];
    }
  });
}

const stackOf = ({ kind }: PluginFacts): Stack => (kind === "ours" ? "node" : "go");
