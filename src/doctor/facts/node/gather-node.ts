import { X509Certificate } from "node:crypto";
import { errorText } from "../../../core/problem.js";
import { KeylimeAgentClient } from "../../../keylime/agent-client.js";
import { KeylimeError } from "../../../keylime/keylime-error.js";
import { RegistrarClient } from "../../../keylime/registrar-client.js";
import { agentRole, registrarRole, verifierRole } from "../../../keylime/roles.js";
import type { KeylimeAgentInfo, RegistrarAgent } from "../../../keylime/types.js";
import { VerifierClient } from "../../../keylime/verifier-client.js";
import { HttpClient } from "../../../net/http-client.js";
import { type Identity, type IdentityFiles, loadIdentity } from "../../../net/identity.js";
import type { PeerRole } from "../../../net/peer-role.js";
import { readCertificate } from "../../../x509/certificate.js";
import type { LiveOptions } from "../endpoints/endpoint-plan.js";
import { type Fact, known, unknown } from "../fact.js";
import type { NodeFacts, RegistrarAnswer, RegistrarEntry, VerifierAnswer } from "./node-facts.js";

/** How one service is reached. */
export interface ServiceAccess {
  host: string;
  port: number;
  serverName: string;
  /** Absent: plain HTTP. Paths are those of this machine. */
  files?: IdentityFiles;
}

export interface NodePlan {
  /** A reason in place of an access says why the service is not asked. */
  agent: ServiceAccess | string;
  registrar: ServiceAccess | string;
  verifier: ServiceAccess | string;
  /** Of the Keylime agent's configuration: counts when the agent itself does not tell. */
  configuredId: Fact<string>;
}

/** Asks the Keylime agent who it is, and registrar and verifier what they know of it. Never throws. */
export async function gatherNode(plan: NodePlan, options: LiveOptions): Promise<NodeFacts> {
  const info = await fetchInfo(plan.agent, options);
  const agentId: Fact<string> = info.known ? known(info.value.agentId, info.source) : plan.configuredId;
  if (!agentId.known) {
    const why = info.known ? "" : `${info.reason}; `;
    const nobody = unknown(`the node's UUID is not known: ${why}${agentId.reason}`, agentId.source);
    return { agentId, info, registrar: nobody, verifier: nobody };
  }
  const [registrar, verifier] = await Promise.all([
    fetchRegistrarEntry(plan.registrar, agentId.value, options),
    fetchVerifierEntry(plan.verifier, agentId.value, options),
  ]);
  return { agentId, info, registrar, verifier };
}

function fetchInfo(access: NodePlan["agent"], options: LiveOptions): Promise<Fact<KeylimeAgentInfo>> {
  return ask(access, agentRole, async (http) => {
    const client = new KeylimeAgentClient(http);
    return await client.fetchInfo(callOptions(options));
  });
}

function fetchRegistrarEntry(
  access: NodePlan["registrar"],
  agentId: string,
  options: LiveOptions,
): Promise<Fact<RegistrarAnswer>> {
  return ask(access, registrarRole, async (http) => {
    // No second look at an inactive record: a doctor's user can look again.
    const client = new RegistrarClient(http, { apiVersion: "auto", activationPauseMs: Number.POSITIVE_INFINITY });
    try {
      return { is: "registered", entry: entryOf(await client.fetchAgent(agentId, callOptions(options))) };
    } catch (error) {
      return absence<RegistrarAnswer>(error, {
        "agent-not-registered": { is: "not-registered" },
        "agent-not-active": { is: "not-active" },
      });
    }
  });
}

function fetchVerifierEntry(
  access: NodePlan["verifier"],
  agentId: string,
  options: LiveOptions,
): Promise<Fact<VerifierAnswer>> {
  return ask(access, verifierRole, async (http) => {
    const client = new VerifierClient(http, { apiVersion: "auto" });
    try {
      const { agent, verifierNowMs } = await client.fetchAgent(agentId, callOptions(options));
      return { is: "enrolled", agent, verifierNowMs };
    } catch (error) {
      return absence<VerifierAnswer>(error, { "agent-not-enrolled": { is: "not-enrolled" } });
    }
  });
}

/** An answer that says "no such agent" is an answer; everything else stays an error. */
function absence<T>(error: unknown, answers: Readonly<Record<string, T>>): T {
  const answer = error instanceof KeylimeError ? answers[error.code] : undefined;
  if (answer === undefined) throw error;
  return answer;
}

const callOptions = ({ timeoutMs, signal }: LiveOptions) => ({
  timeoutMs,
  attempts: 1,
  ...(signal === undefined ? {} : { signal }),
});

async function ask<T>(
  access: ServiceAccess | string,
  role: PeerRole,
  call: (http: HttpClient) => Promise<T>,
): Promise<Fact<T>> {
  if (typeof access === "string") return unknown(access, role.name);
  const identity = access.files && loadIdentity(access.files, Date.now());
  if (identity !== undefined && identity.identity === undefined) {
    return unknown(identity.problems.map(({ message }) => message).join("; "), role.name);
  }
  const http = clientOf(access, role, identity?.identity);
  try {
    return known(await call(http), `${role.name} at ${http.origin}`);
  } catch (error) {
    return unknown(errorText(error), `${role.name} at ${http.origin}`);
  } finally {
    http.close();
  }
}

function clientOf(
  { host, port, serverName }: ServiceAccess,
  role: PeerRole,
  identity: Identity | undefined,
): HttpClient {
  const source = identity && { current: () => identity, checkNow: () => identity };
  return new HttpClient({
    host,
    port,
    role,
    serverName,
    ...(source === undefined ? {} : { identity: source }),
    connectTimeoutMs: 60_000,
    userAgent: "spire-keylime-doctor",
  });
}

function entryOf({ ip, port, registrationCount, mtlsCert, ekCert }: RegistrarAgent): RegistrarEntry {
  return {
    ip,
    port,
    registrationCount,
    mtlsCert: certificateOf(mtlsCert),
    mtlsDer: derOf(mtlsCert),
    hasEkCertificate: ekCert !== undefined,
  };
}

function certificateOf(mtlsCert: RegistrarAgent["mtlsCert"]): RegistrarEntry["mtlsCert"] {
  if (mtlsCert === undefined || mtlsCert === "disabled") return mtlsCert;
  try {
    return readCertificate(mtlsCert.pem);
  } catch {
    return "unreadable";
  }
}

function derOf(mtlsCert: RegistrarAgent["mtlsCert"]): string | undefined {
  if (mtlsCert === undefined || mtlsCert === "disabled") return undefined;
  try {
    return new X509Certificate(mtlsCert.pem).raw.toString("base64");
  } catch {
    return undefined;
  }
}
