import { settleAgentOption } from "../../../keylime/config/agent-config.js";
import { configuredAgentId } from "../../../keylime/config/agent-id.js";
import type { IdentityFiles } from "../../../net/identity.js";
import type { NamedFile } from "../../../net/identity-file.js";
import type { ClientTlsFiles, FileSetting } from "../../../spire/settings.js";
import type { EndpointFacts } from "../endpoints/endpoint-facts.js";
import { type Fact, known, unknown } from "../fact.js";
import type { Machine } from "../machine.js";
import type { NodePlan, ServiceAccess } from "../node/gather-node.js";
import { agentViewOf, serverViewOf } from "../spire/plugin-of.js";
import { isHere } from "./own-machine.js";
import type { OfflineFacts } from "./plan-live.js";

/** How to ask about the node: with the plugins' own files, of services that were seen to be what they should be. */
export function planNode(facts: OfflineFacts, endpoints: readonly EndpointFacts[], machine: Machine): NodePlan {
  const view = serverViewOf(facts.spireServer);
  const seen = (id: string) => endpoints.find((each) => each.id === id);
  const noServer = "no server plugin is configured here";
  return {
    agent: agentAccess(facts, seen("agent plugin->Keylime agent"), machine),
    verifier:
      view === undefined ? noServer : serviceAccess(seen("plugin->verifier"), "verifier", filesOf(view.tls, machine)),
    registrar:
      view === undefined
        ? noServer
        : view.registrar === undefined
          ? "the server plugin asks no registrar"
          : serviceAccess(seen("plugin->registrar"), "registrar", filesOf(view.registrar.tls, machine)),
    configuredId: configuredId(facts, seen("agent plugin->Keylime agent")),
  };
}

function agentAccess(facts: OfflineFacts, seen: EndpointFacts | undefined, machine: Machine): NodePlan["agent"] {
  const view = agentViewOf(facts.spireAgent);
  if (view === undefined || seen === undefined) return "no agent plugin is configured here";
  if (!seen.speaks.known) return seen.speaks.reason;
  const { host, port, serverName } = seen;
  if (seen.speaks.value === "http") return { host, port, serverName };
  const { caFile, certFile, keyFile } = view.tls;
  if (caFile === undefined || certFile === undefined || keyFile === undefined) {
    return "the Keylime agent speaks TLS, and the agent plugin has no CA file and client certificate for it";
  }
  return { host, port, serverName, files: filesOf({ caFile, certFile, keyFile }, machine) };
}

function serviceAccess(
  seen: EndpointFacts | undefined,
  expected: "verifier" | "registrar",
  files: IdentityFiles,
): ServiceAccess | string {
  if (seen === undefined) return `no ${expected} is configured here`;
  if (!seen.speaks.known) return seen.speaks.reason;
  if (seen.speaks.value !== "tls") return `${seen.host}:${seen.port} does not speak TLS`;
  if (seen.service.known && seen.service.value !== expected) {
    return `a ${seen.service.value} stands at ${seen.host}:${seen.port}`;
  }
  const { host, port, serverName } = seen;
  return { host, port, serverName, files };
}

function filesOf({ caFile, certFile, keyFile, keyPasswordFile }: ClientTlsFiles, machine: Machine): IdentityFiles {
  const named = ({ path, key, isDefault }: FileSetting): NamedFile => ({ path: machine.locate(path), key, isDefault });
  return {
    ca: named(caFile),
    cert: named(certFile),
    key: named(keyFile),
    ...(keyPasswordFile === undefined ? {} : { keyPassword: named(keyPasswordFile) }),
  };
}

/** The UUID as the Keylime agent's configuration has it, when that is the configuration of the agent that is asked. */
export function configuredId(
  { keylime: { agent }, scope }: OfflineFacts,
  asked: Pick<EndpointFacts, "addresses" | "host"> | undefined,
): Fact<string> {
  if (!agent.known) return unknown(agent.reason, agent.source);
  if (asked?.addresses.known && !isHere(asked))
    return unknown(`it is that of another host than ${asked.host}`, agent.source);
  const { config } = agent.value;
  const isUnread = config.files.some(({ content }) => content.is !== "read");
  if (isUnread) return unknown("not all of the Keylime agent's configuration could be read", agent.source);
  const isSet = settleAgentOption(config, "uuid").source !== undefined;
  if (scope.root !== undefined && !isSet) return unknown("the copy of agent.conf does not set uuid", agent.source);
  const configured = configuredAgentId(config);
  return "id" in configured ? known(configured.id, configured.source) : unknown(configured.reason, configured.source);
}
