import type { IdentityFiles } from "../../../net/identity.js";
import type { NamedFile } from "../../../net/identity-file.js";
import type { ClientTlsFiles, FileSetting } from "../../../spire/settings.js";
import type { EndpointFacts } from "../endpoints/endpoint-facts.js";
import { type Fact, unknown } from "../fact.js";
import type { Machine } from "../machine.js";
import type { NodePlan, ServiceAccess } from "../node/gather-node.js";
import { agentViewOf, serverViewOf } from "../spire/plugin-of.js";
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
    configuredId: configuredId(),
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

function configuredId(): Fact<string> {
  return unknown("the Keylime agent's configuration does not name it", "agent.conf");
}
