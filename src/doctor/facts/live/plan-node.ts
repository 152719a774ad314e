import type { IdentityFiles } from "../../../net/identity.js";
import type { NamedFile } from "../../../net/identity-file.js";
import type { ClientTlsFiles, FileSetting } from "../../../spire/settings.js";
import type { EndpointFacts, TlsConnectionFacts } from "../endpoints/endpoint-facts.js";
import type { CredentialPlan, EndpointPlan, EndpointRole } from "../endpoints/endpoint-plan.js";
import type { OfflineFacts } from "../facts.js";
import type { Machine } from "../machine.js";
import type { NodePlan, ServiceAccess } from "../node/gather-node.js";
import { agentViewOf, serverViewOf } from "../spire/plugin-of.js";
import { configuredId } from "./configured-id.js";

/** An endpoint as it was planned and as it was seen. */
export interface Look {
  plan: EndpointPlan;
  seen: EndpointFacts;
}

/**
 * How to ask about the node: services that were seen to be what they should be, with the plugins' own files, or with
 * whatever certificate at hand was seen to be accepted where those were not.
 */
export function planNode(facts: OfflineFacts, looks: readonly Look[], machine: Machine): NodePlan {
  const look = (role: EndpointRole) => looks.find(({ plan }) => plan.role === role);
  const view = serverViewOf(facts.spireServer);
  const agent = look("agent");
  return {
    agent: agentAccess(facts, agent, machine),
    verifier: serviceAccess(look("verifier"), "verifier", view && filesOf(view.tls, machine)),
    registrar: serviceAccess(look("registrar"), "registrar", view?.registrar && filesOf(view.registrar.tls, machine)),
    configuredId: configuredId(facts, agent?.seen),
  };
}

function agentAccess(facts: OfflineFacts, look: Look | undefined, machine: Machine): NodePlan["agent"] {
  const view = agentViewOf(facts.spireAgent);
  if (view === undefined || look === undefined) return "no agent plugin is configured here";
  const { seen, plan } = look;
  if (!seen.speaks.known) return seen.speaks.reason;
  const { host, port, serverName } = seen;
  if (seen.speaks.value === "http") return { host, port, serverName };
  const { caFile, certFile, keyFile } = view.tls;
  const hasAll = caFile !== undefined && certFile !== undefined && keyFile !== undefined;
  const own = hasAll ? filesOf({ caFile, certFile, keyFile }, machine) : undefined;
  const files = acceptedFiles(plan, seen, own);
  return files === undefined
    ? "the Keylime agent speaks TLS, and the agent plugin has no CA file and client certificate for it"
    : { host, port, serverName, files };
}

function serviceAccess(
  look: Look | undefined,
  expected: "verifier" | "registrar",
  own: IdentityFiles | undefined,
): ServiceAccess | string {
  if (look === undefined) return `no ${expected} is named by what was read`;
  const { seen, plan } = look;
  const { host, port, serverName } = seen;
  if (!seen.speaks.known) return seen.speaks.reason;
  if (seen.speaks.value !== "tls") return `${host}:${port} does not speak TLS`;
  if (seen.service.known && seen.service.value !== expected) return `a ${seen.service.value} stands at ${host}:${port}`;
  const files = acceptedFiles(plan, seen, own);
  return files === undefined
    ? `no client certificate at hand is accepted at ${host}:${port}`
    : { host, port, serverName, files };
}

/** The client's own files, unless another certificate was accepted where its own was not. */
function acceptedFiles(
  { credentials, caFiles: [caFile] }: EndpointPlan,
  { connections }: EndpointFacts,
  own: IdentityFiles | undefined,
): IdentityFiles | undefined {
  const accepted = credentials.find((each) =>
    connections.some(
      (one) => one.presented?.label === each.label && one.presented.name === each.name && isAnswered(one),
    ),
  );
  if (accepted === undefined || (accepted.label === "configured" && own !== undefined)) return own;
  const ca = own?.ca ?? (caFile === undefined ? undefined : named(caFile, "trusted_server_ca"));
  return ca === undefined ? own : { ca, ...pairOf(accepted) };
}

/** With a certificate in the handshake, and not sent away for want of one. */
function isAnswered({ probed: { outcome, client_certificates: sent, http } }: TlsConnectionFacts): boolean {
  return outcome === "accepted" && sent.length > 0 && http !== null && http.status !== 401 && http.status !== 403;
}

const named = (path: string, key: string): NamedFile => ({ path, key, isDefault: false });

function pairOf({ label, files: { cert, key, keyPassword } }: CredentialPlan): Pick<IdentityFiles, "cert" | "key"> {
  return {
    cert: named(cert, `certificate of the ${label}`),
    key: named(key, `key of the ${label}`),
    ...(keyPassword === undefined ? {} : { keyPassword: named(keyPassword, `password of the ${label}`) }),
  };
}

function filesOf({ caFile, certFile, keyFile, keyPasswordFile }: ClientTlsFiles, machine: Machine): IdentityFiles {
  const file = ({ path, key, isDefault }: FileSetting): NamedFile => ({ path: machine.locate(path), key, isDefault });
  return {
    ca: file(caFile),
    cert: file(certFile),
    key: file(keyFile),
    ...(keyPasswordFile === undefined ? {} : { keyPassword: file(keyPasswordFile) }),
  };
}
