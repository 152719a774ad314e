import type { X509Certificate } from "node:crypto";
import type { ClientCredentials } from "../../../probe/client-credentials.js";
import type { ConnectionStory } from "../../../probe/connection-story.js";
import { presentingOf } from "../../../probe/presenting.js";
import { runConnection } from "../../../probe/probe-connection.js";
import { reportOf } from "../../../probe/report.js";
import { isCertificate } from "../../../probe/server-chain.js";
import type { Stack } from "../../../probe/stack.js";
import { tls12, tls13 } from "../../../tls/tables/protocol.js";
import { clockSkew } from "./clock-skew.js";
import type { ClockSkew, TlsConnectionFacts } from "./endpoint-facts.js";
import type { CredentialPlan, EndpointPlan, LiveOptions } from "./endpoint-plan.js";

/** What one connection presents: nothing, or credentials as a stack sends them. */
export interface Presented {
  plan: CredentialPlan;
  credentials: ClientCredentials;
  stack: Stack;
}

export interface TlsRequest {
  endpoint: EndpointPlan;
  presented: Presented | undefined;
  /** Asked with GET when the handshake is done. */
  path: string;
  anchors: readonly X509Certificate[];
}

export interface TlsAnswer {
  facts: TlsConnectionFacts;
  story: ConnectionStory;
  skew: ClockSkew | undefined;
}

/** One handshake and one request, told as data. */
export async function askTls(request: TlsRequest, { timeoutMs, signal }: LiveOptions): Promise<TlsAnswer> {
  const { endpoint, presented, path, anchors } = request;
  const startMs = Date.now();
  const story = await runConnection({
    host: endpoint.host,
    port: endpoint.port,
    offer: { versions: [tls13, tls12], serverName: endpoint.serverName, alpn: [] },
    candidate: presented?.credentials,
    presenting: presented && presentingOf(presented.stack, presented.credentials, anchors),
    timeoutMs,
    httpPath: path,
    ...(signal === undefined ? {} : { signal }),
  });
  const endMs = Date.now();
  const dateMs = story.http?.dateMs;
  return {
    facts: connectionFacts(request, story, endMs),
    story,
    skew: dateMs === undefined ? undefined : clockSkew(dateMs, startMs, endMs),
  };
}

function connectionFacts(
  { endpoint, presented }: TlsRequest,
  story: ConnectionStory,
  nowMs: number,
): TlsConnectionFacts {
  const { host, port, serverName } = endpoint;
  const stack = presented?.stack;
  const report = reportOf([story], { host, port, serverName, stack, caFile: undefined, anchors: [], nowMs, notes: [] });
  return {
    presented: presented && { name: presented.plan.name, label: presented.plan.label },
    probed: report.connections[0]!,
    serverChain: story.serverChain.map((each) => (isCertificate(each) ? each.raw : each).toString("base64")),
    server: story.http?.server,
  };
}
