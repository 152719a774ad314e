import type { EndpointFacts } from "../../facts/endpoints/endpoint-facts.js";
import type { Facts } from "../../facts/facts.js";
import type { ProcessFacts } from "../../facts/processes/process-facts.js";
import type { ServiceName } from "../../facts/processes/program.js";
import type { Evidence, Finding } from "../check.js";
import { enrolledAgent } from "../node/node-answers.js";
import { type EndpointVerdict, namedByEvidence, roleNames, targetOf } from "./judge-endpoints.js";

/** The shared judgement of verifier-unreachable, registrar-unreachable and agent-unreachable. */
export interface Reached {
  facts: Facts;
  endpoint: EndpointFacts;
  service: ServiceName;
  /** Keys of plugin_data to correct. */
  keys: string;
}

export function judgeReached({ facts, endpoint, service, keys }: Reached): EndpointVerdict {
  const { addresses, tcp } = endpoint;
  const target = targetOf(endpoint);
  if (tcp.some(({ outcome }) => outcome === "connected"))
    return { is: "clear", because: `${target} takes connections` };
  if (tcp.some(({ detail }) => detail === "interrupted")) return { is: "unknown", reason: `${target}: interrupted` };
  const running = processesOf(facts, service);
  const why = addresses.known ? tcp.map(({ address, detail }) => `${address}: ${detail}`).join("; ") : addresses.reason;
  const what = addresses.known ? "cannot be reached" : "cannot be looked up";
  return {
    is: "found",
    finding: {
      severity: "error",
      stopsAttestation: isNeeded(facts, endpoint),
      // The copied machine's loopback is not ours.
      ...(facts.scope.root !== undefined && isLoopback(endpoint.host) ? { isDoubtful: true } : {}),
      leg: endpoint.id,
      summary: `the ${roleNames[endpoint.role]} at ${target} ${what} (${why})`,
      evidence: [namedByEvidence(endpoint), ...tcpEvidence(endpoint), ...running.map(processEvidence)],
      fix: fixOf(running, service, keys),
    },
  };
}

/** The registrar, where no plugin asks it, is needed until the node is enrolled. */
export function isNeeded(facts: Facts, { role, askedBy }: EndpointFacts): boolean {
  const isRegistrar = role === "registrar" || role === "registrar-http";
  return !isRegistrar || askedBy === "server-plugin" || enrolledAgent(facts) === undefined;
}

const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || /^127\./.test(host);

function tcpEvidence(endpoint: EndpointFacts): Evidence[] {
  const { tcp, addresses, host, port } = endpoint;
  if (!addresses.known) return [{ text: `${addresses.source}: ${addresses.reason}` }];
  return tcp.map(({ address, detail }) => ({
    text: `connection to ${targetOf({ host: address, port })}${address === host ? "" : ` (${host})`}: ${detail}`,
    probe: { endpoint: targetOf({ host: address, port }), presented: "no certificate", result: detail },
  }));
}

/** Workers share their parent's sockets and say nothing more. */
function processesOf({ processes }: Facts, service: ServiceName): ProcessFacts[] {
  return processes.known ? processes.value.filter((each) => each.service === service && !each.isWorker) : [];
}

function processEvidence({ service, pid, listens }: ProcessFacts): Evidence {
  const where = listens.known ? listens.value.map(({ address, port }) => targetOf({ host: address, port })) : [];
  const text = where.length === 0 ? "where it listens is not known" : `it listens on ${where.join(", ")}`;
  return { text: `${service} runs as process ${pid}; ${text}` };
}

function fixOf(running: readonly ProcessFacts[], service: ServiceName, keys: string): Finding["fix"] {
  if (running.length > 0) return { action: `set ${keys} to an address on which ${service} listens` };
  return {
    action: `start ${service}, or correct ${keys}`,
    commands: [`systemctl status ${service}`, `systemctl start ${service}`],
  };
}
