import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import * as z from "zod";
import type { Logger } from "../../core/logger.js";
import { errorText, Problem } from "../../core/problem.js";
import { authTag } from "../tpm/make-credential.js";
import type { SoftwareTpm } from "../tpm/software-tpm.js";

export interface RegistrationOrder {
  tpm: SoftwareTpm;
  agentId: string;
  registrar: { host: string; port: number };
  contact: { host: string; port: number };
  /** PEM of the served certificate, or `disabled`. */
  mtlsCert: string;
  /** Oldest first. */
  apiVersions: readonly string[];
  retryMs: number;
  timeoutMs: number;
  logger: Logger;
  signal: AbortSignal;
}

const requestTimeoutMs = 10_000;
const bodyLimitBytes = 1024 * 1024;

/** Answers that a registrar gives while it starts or is behind a proxy that does not reach it yet. */
const retriedStatuses = new Set([500, 502, 503, 504]);

class Unready extends Error {}

/**
 * Registers with the registrar's plain HTTP port and activates the credential (protocols: registration and auth_tag of
 * Keylime 7.14.3). Waits with back-off while the registrar does not answer. Throws a `Problem`: `registrar-unreachable`
 * when it never did, `agent-registration` when it refused, `tpm-credential` when its challenge was for another TPM.
 */
export async function registerAgent(order: RegistrationOrder): Promise<void> {
  const deadline = AbortSignal.any([order.signal, AbortSignal.timeout(order.timeoutMs)]);
  for (let retryMs = order.retryMs; ; retryMs = Math.min(retryMs * 2, order.retryMs * 10)) {
    try {
      return await registerOnce(order);
    } catch (error) {
      if (!(error instanceof Unready)) throw error;
      order.logger.log("debug", "Registrar is not ready", { error: error.message });
      if (!(await waited(retryMs, deadline))) throw unreachable(order, error);
    }
  }
}

async function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  return pause(ms, true, { signal }).catch(() => false);
}

function unreachable({ registrar, agentId }: RegistrationOrder, last: Error): Problem {
  const at = `${registrar.host}:${registrar.port}`;
  return new Problem("registrar-unreachable", `cannot register agent ${agentId} at ${at}: ${last.message}`, {
    culprit: "network",
  });
}

async function registerOnce(order: RegistrationOrder): Promise<void> {
  const version = await negotiate(order);
  const path = `/v${version}/agents/${encodeURIComponent(order.agentId)}`;
  const registered = await send(order, "POST", path, registrationBody(order));
  const { blob } = read(blobSchema, registered);
  const challenge = order.tpm.activateCredential(Buffer.from(blob, "base64"));
  await send(order, "PUT", path, { auth_tag: authTag(order.agentId, challenge.toString("base64")) });
  order.logger.log("info", "Keylime agent is registered and active", { agent: order.agentId, version });
}

/** The Rust agent's keys, no more and no fewer; IAK and IDevID are null without such keys. */
function registrationBody({ tpm, contact, mtlsCert }: RegistrationOrder): Record<string, string | number | null> {
  return {
    aik_tpm: tpm.akPublic.toString("base64"),
    ek_tpm: tpm.ekPublic.toString("base64"),
    ekcert: tpm.ekCertificate === undefined ? null : certificatePem(tpm.ekCertificate),
    iak_cert: null,
    idevid_cert: null,
    ip: contact.host,
    mtls_cert: mtlsCert,
    port: contact.port,
  };
}

function certificatePem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

const blobSchema = z.object({ blob: z.base64() });
const versionsSchema = z.object({ supported_versions: z.array(z.string()) });

/** The newest version both have. */
async function negotiate(order: RegistrationOrder): Promise<string> {
  const { supported_versions: theirs } = read(versionsSchema, await send(order, "GET", "/version"));
  const common = order.apiVersions.filter((version) => theirs.includes(version)).at(-1);
  if (common === undefined) {
    throw registrationProblem(order, `it speaks ${theirs.join(", ")}, the agent ${order.apiVersions.join(", ")}`);
  }
  return common;
}

function read<T>(schema: z.ZodType<T>, results: unknown): T {
  const parsed = schema.safeParse(results);
  if (parsed.success) return parsed.data;
  throw new Problem("agent-registration", "cannot register: the registrar's answer lacks what it must hold", {
    culprit: "peer",
  });
}

function registrationProblem({ agentId, registrar }: RegistrationOrder, why: string): Problem {
  const at = `${registrar.host}:${registrar.port}`;
  return new Problem("agent-registration", `cannot register agent ${agentId} at ${at}: ${why}`, { culprit: "peer" });
}

async function send(order: RegistrationOrder, method: string, path: string, body?: object): Promise<unknown> {
  const { status, text } = await exchange(order, method, path, body);
  if (retriedStatuses.has(status)) throw new Unready(`${method} ${path}: status ${status}`);
  const answer = envelope(text);
  if (status === 200 && answer !== undefined) return answer.results;
  throw registrationProblem(order, `${method} ${path}: status ${status} ${answer?.status ?? ""}`.trimEnd());
}

function envelope(text: string): { status: string; results: unknown } | undefined {
  try {
    return z.object({ status: z.string(), results: z.unknown() }).parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function exchange(order: RegistrationOrder, method: string, path: string, body?: object) {
  const payload = body === undefined ? "" : JSON.stringify(body);
  const headers =
    body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(payload) };
  const signal = AbortSignal.any([order.signal, AbortSignal.timeout(requestTimeoutMs)]);
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const failed = (error: unknown) => reject(new Unready(errorText(error)));
    const sent = request({ ...order.registrar, method, path, headers, signal, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > bodyLimitBytes) response.destroy(new Error("the answer does not end"));
      });
      response.on("error", failed);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on("error", failed);
    sent.end(payload);
  });
}
