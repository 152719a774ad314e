import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { AgentTls } from "../../src/peers/agent/keylime-agent.js";

export interface Address {
  host: string;
  port: number;
}

export interface Identity {
  certPem: string;
  keyPem: string;
}

/** A verifier and a registrar, embedded or real, with what a test needs to talk to them. */
export interface ContractPeers {
  verifier: Address;
  registrar: { http: Address; https: Address };
  /** Trust for both servers. */
  caPem: string;
  /** A client certificate that both take for an admin's. */
  admin: Identity;
  /** Serves an agent that the verifier can reach by mutual TLS. */
  agentTls: AgentTls;
  /** What the verifier is configured to. */
  quoteIntervalS: number;
  /** What the peers printed, for the report of a failure. */
  logs(): string;
  stop(): Promise<void>;
}

export interface PeerCall {
  method?: string;
  /** Sent as JSON with its content type; `text` sends anything else. */
  json?: unknown;
  text?: string;
  headers?: Record<string, string>;
}

export interface PeerAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** undefined when the body is no JSON. */
  json: unknown;
}

export type Ask = (path: string, call?: PeerCall) => Promise<PeerAnswer>;

export interface Askers {
  verifier: Ask;
  registrar: Ask;
  /** Without a client certificate. */
  anonymous: { verifier: Ask; registrar: Ask };
  /** The registrar's plain HTTP port. */
  plain: Ask;
}

type AskedPeers = Pick<ContractPeers, "verifier" | "registrar" | "caPem" | "admin">;

export function askersOf({ verifier, registrar, caPem, admin }: AskedPeers): Askers {
  const tls = (address: Address, identity?: Identity): Ask => {
    const secure = { ca: caPem, cert: identity?.certPem, key: identity?.keyPem };
    return (path, call) => ask("https:", address, path, { ...call, secure });
  };
  return {
    verifier: tls(verifier, admin),
    registrar: tls(registrar.https, admin),
    anonymous: { verifier: tls(verifier), registrar: tls(registrar.https) },
    plain: (path, call) => ask("http:", registrar.http, path, call ?? {}),
  };
}

/** Status and body, for comparisons of whole answers. */
export function brief({ status, text, json }: PeerAnswer): { status: number; json?: unknown; text?: string } {
  return json === undefined ? { status, text } : { status, json };
}

/** The 2.x envelope as an expectation. */
export function envelope(code: number, status: unknown, results: unknown = {}): { status: number; json: unknown } {
  return { status: code, json: { code, status, results } };
}

export function success(results: unknown = {}): { status: number; json: unknown } {
  return envelope(200, "Success", results);
}

interface SecureCall extends PeerCall {
  secure?: { ca: string; cert: string | undefined; key: string | undefined };
}

function ask(
  protocol: "http:" | "https:",
  { host, port }: Address,
  path: string,
  call: SecureCall,
): Promise<PeerAnswer> {
  const { method = "GET", json, text, headers = {}, secure } = call;
  const payload = json === undefined ? text : JSON.stringify(json);
  const contentType: Record<string, string> = json === undefined ? {} : { "content-type": "application/json" };
  const length: Record<string, string> =
    payload === undefined ? {} : { "content-length": String(Buffer.byteLength(payload)) };
  const options = { protocol, host, port, path, method, agent: false, timeout: 10_000, ...secure };
  return new Promise((resolve, reject) => {
    const start = protocol === "https:" ? requestHttps : requestHttp;
    const outgoing = start({ ...options, headers: { ...contentType, ...length, ...headers } }, (incoming) => {
      let body = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (piece: string) => {
        body += piece;
      });
      incoming.once("error", reject);
      incoming.once("end", () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: body, json: parsed(body) }),
      );
    });
    outgoing.once("timeout", () => outgoing.destroy(new Error(`no answer to ${method} ${path} within 10s`)));
    outgoing.once("error", reject);
    outgoing.end(payload);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
