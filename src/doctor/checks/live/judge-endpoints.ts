import { alertNumbers } from "../../../tls/alert.js";
import type { EndpointFacts, TlsConnectionFacts } from "../../facts/endpoints/endpoint-facts.js";
import type { EndpointAsker, EndpointRole } from "../../facts/endpoints/endpoint-plan.js";
import type { Facts } from "../../facts/facts.js";
import { type Evidence, type Finding, notLearnt, type Outcome } from "../check.js";

/** What a check makes of one endpoint. */
export type EndpointVerdict =
  | { is: "found"; finding: Finding }
  | { is: "clear"; because: string }
  | { is: "unknown"; reason: string }
  | { is: "skipped"; reason: string };

/** Judges every endpoint of a role that a plugin asks; one finding outweighs what is not known of the others. */
export function judgeEndpoints(
  facts: Facts,
  roles: readonly EndpointRole[],
  judge: (endpoint: EndpointFacts) => EndpointVerdict,
): Outcome {
  return judgeThose(facts, ({ role, askedBy }) => roles.includes(role) && isPlugin(askedBy), roles, judge);
}

/** The same of all that were looked at, those that only Keylime's own configuration names among them. */
export function judgeAllEndpoints(
  facts: Facts,
  roles: readonly EndpointRole[],
  judge: (endpoint: EndpointFacts) => EndpointVerdict,
): Outcome {
  return judgeThose(facts, ({ role }) => roles.includes(role), roles, judge);
}

const isPlugin = (asker: EndpointAsker): boolean => asker === "server-plugin" || asker === "agent-plugin";

function judgeThose(
  { endpoints, scope }: Facts,
  isMeant: (endpoint: EndpointFacts) => boolean,
  [role]: readonly EndpointRole[],
  judge: (endpoint: EndpointFacts) => EndpointVerdict,
): Outcome {
  if (!endpoints.known) return notLearnt({ scope }, endpoints.reason);
  const asked = endpoints.value.filter(isMeant);
  if (asked.length === 0)
    return { is: "skipped", reason: `no configuration that was read names a ${roleNames[role!]}` };
  return combine(asked.map(judge));
}

/** The outcome of several verdicts on the same question. */
export function combine(verdicts: readonly EndpointVerdict[]): Outcome {
  const [first, ...more] = verdicts.flatMap((each) => (each.is === "found" ? [each.finding] : []));
  if (first !== undefined) return { is: "found", findings: [first, ...more] };
  const open = verdicts.find(({ is }) => is === "unknown");
  if (open?.is === "unknown") return open;
  const because = verdicts.flatMap((each) => (each.is === "clear" ? [each.because] : []));
  if (because.length > 0) return { is: "clear", because: because.join("; ") };
  const skipped = verdicts.find(({ is }) => is === "skipped");
  return skipped?.is === "skipped" ? skipped : { is: "skipped", reason: "there is nothing to judge" };
}

export const roleNames: Record<EndpointRole, string> = {
  verifier: "verifier",
  registrar: "registrar",
  "registrar-http": "registrar",
  agent: "Keylime agent",
  contact: "Keylime agent",
};

/** `127.0.0.1:8881`, an IPv6 address in brackets. */
export function targetOf({ host, port }: Pick<EndpointFacts, "host" | "port">): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Which line says that this endpoint is the one to ask. */
export function namedByEvidence(endpoint: EndpointFacts): Evidence {
  const { namedBy } = endpoint;
  return { text: `${namedBy.text}: ${targetOf(endpoint)}`, ...namedBy.at };
}

/** What one connection came to, as a sentence and as data. */
export function connectionEvidence(endpoint: EndpointFacts, connection: TlsConnectionFacts): Evidence {
  const presented = connection.presented?.name ?? "no certificate";
  const result = resultOf(connection);
  return {
    text: `${targetOf(endpoint)} with ${presented}: ${result}`,
    probe: { endpoint: targetOf(endpoint), presented, result },
  };
}

/** `alert 48 unknown_ca`, `HTTP 403 Forbidden …`, or why there was no verdict. */
export function resultOf({ probed, server }: TlsConnectionFacts): string {
  const { alert, http, problem, outcome, evidence } = probed;
  if (alert !== null && outcome === "refused") return `alert ${alert.number} ${alert.name}`;
  if (http !== null)
    return `HTTP ${http.status} ${http.body}${server === undefined ? "" : ` (Server: ${server})`}`.trim();
  return problem?.message ?? `${outcome}: ${evidence}`;
}

/** The connection that presented what the endpoint's own client presents. */
export function configuredConnection({ connections }: EndpointFacts): TlsConnectionFacts | undefined {
  return connections.find(({ presented }) => presented?.label === "configured");
}

/** A connection without a certificate: the one that asked for what is for admins, before the one that asked for the version. */
export function anonymousConnection({ connections }: EndpointFacts): TlsConnectionFacts | undefined {
  const anonymous = connections.filter(({ presented }) => presented === undefined);
  return anonymous.find(({ probed: { http } }) => http !== null && http.path !== "/version") ?? anonymous[0];
}

/** Why nothing can be said about an endpoint that could not be looked at; undefined when it could. */
export function unseen(endpoint: EndpointFacts): EndpointVerdict | undefined {
  return endpoint.speaks.known ? undefined : { is: "unknown", reason: endpoint.speaks.reason };
}

/** Keylime 7.14 takes the holder of a certificate without common name for nobody (`simple.py`). */
export function isNameless({ probed: { client_certificates: sent } }: TlsConnectionFacts): boolean {
  return sent.length > 0 && !/(^|, )CN=/.test(sent[0]!.subject);
}

/** The server finds no CA that vouches for what was presented. */
export function isRefusedForItsCa({ probed: { outcome, alert } }: TlsConnectionFacts): boolean {
  return outcome === "refused" && alert?.number === alertNumbers.unknownCa && alert.from === "server";
}
