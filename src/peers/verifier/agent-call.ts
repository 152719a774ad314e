import { type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { errorText } from "../../core/problem.js";

/** What the verifier shows to agents, and whom it trusts besides the certificate an agent registered. */
export interface ClientTls {
  certPem: string;
  keyPem: string;
  trustedServerCaPem?: string;
}

export interface AgentTarget {
  ip: string | null;
  port: number | null;
  mtlsCert: string | null;
}

export interface AgentReply {
  /** 599 when no answer came: Keylime's own number for that. */
  status: number;
  /** The body as JSON; undefined when it is none. */
  json: unknown;
  /** Why there is no answer. */
  error?: string;
}

export interface AgentOrder {
  method: "GET" | "POST";
  path: string;
  body?: unknown;
}

export interface AgentCaller {
  call(target: AgentTarget, order: AgentOrder): Promise<AgentReply>;
}

export interface AgentCallerOptions {
  /** Off: every agent is called over plain HTTP, whatever it registered. */
  enableAgentMtls: boolean;
  clientTls(): ClientTls;
  timeoutMs: number;
}

const answerLimitBytes = 32 * 1024 * 1024;

/** Calls Keylime agents as `keylime/tornado_requests.py` (7.14.3) does: one connection each, no check of host names. */
export function agentCaller(options: AgentCallerOptions): AgentCaller {
  return {
    call: (target, order) =>
      send(target, order, options).catch((error: unknown) => ({
        status: 599,
        json: undefined,
        error: errorText(error),
      })),
  };
}

function send(target: AgentTarget, order: AgentOrder, options: AgentCallerOptions): Promise<AgentReply> {
  const secure = options.enableAgentMtls && target.mtlsCert !== null && target.mtlsCert !== "disabled";
  const payload = order.body === undefined ? undefined : JSON.stringify(order.body);
  const common: RequestOptions = {
    host: target.ip ?? "",
    port: target.port ?? 0,
    method: order.method,
    path: order.path,
    agent: false,
    signal: AbortSignal.timeout(options.timeoutMs),
    headers: payload === undefined ? {} : { "content-type": "application/json" },
  };
  return new Promise((resolve, reject) => {
    const outgoing = secure
      ? requestHttps({ ...common, ...tlsOptions(target.mtlsCert!, options.clientTls()) })
      : requestHttp(common);
    outgoing.once("error", reject);
    outgoing.once("response", (incoming) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      incoming.on("data", (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > answerLimitBytes) incoming.destroy(new Error("the agent's answer is too long"));
        else pieces.push(piece);
      });
      incoming.once("error", reject);
      incoming.once("end", () => resolve({ status: incoming.statusCode ?? 0, json: parseJson(Buffer.concat(pieces)) }));
    });
    outgoing.end(payload);
  });
}

function tlsOptions(agentCert: string, { certPem, keyPem, trustedServerCaPem }: ClientTls) {
  return {
    cert: certPem,
    key: keyPem,
    ca: trustedServerCaPem === undefined ? [agentCert] : [agentCert, trustedServerCaPem],
    minVersion: "TLSv1.2" as const,
    checkServerIdentity: () => undefined,
  };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}
