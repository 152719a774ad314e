import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { Problem } from "../core/problem.js";
import type { LabFiles } from "./lab-files.js";

export interface AdminAnswer {
  status: number;
  body: { code?: number; status?: string; results?: Record<string, unknown> } & Record<string, unknown>;
}

export interface AdminRequest {
  method?: "GET" | "POST";
  body?: unknown;
  /** false asks as somebody without a client certificate. */
  withCertificate?: boolean;
}

const timeoutMs = 10_000;

/** One call to a Keylime service as the operator makes it with curl: the report's certificate, the report's CA file. */
export async function adminCall(files: LabFiles, url: string, options: AdminRequest = {}): Promise<AdminAnswer> {
  const { method = "GET", body, withCertificate = true } = options;
  const ca = await readFile(files.caFile);
  const identity = withCertificate
    ? { cert: await readFile(files.verifierCert), key: await readFile(files.verifierKey) }
    : {};
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const headers: Record<string, string> = payload === undefined ? {} : { "content-type": "application/json" };
  const text = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const outgoing = request(url, { method, ca, ...identity, agent: false, timeout: timeoutMs, headers }, (answer) => {
      let received = "";
      answer.setEncoding("utf8");
      answer.on("data", (piece: string) => {
        received += piece;
      });
      answer.once("error", reject);
      answer.once("end", () => resolve({ status: answer.statusCode ?? 0, text: received }));
    });
    outgoing.once("timeout", () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    outgoing.once("error", reject);
    outgoing.end(payload);
  });
  return { status: text.status, body: parseBody(text.text) };
}

function parseBody(text: string): AdminAnswer["body"] {
  try {
    return JSON.parse(text) as AdminAnswer["body"];
  } catch {
    return {};
  }
}

export interface EnrolOptions {
  verifierUrl: string;
  registrarUrl: string;
  agentId: string;
  /** PCR values the machine must keep, as the verifier's tpm_policy. */
  tpmPolicy: Record<string, unknown>;
  metadata: Record<string, unknown>;
}

/** Adds a registered machine to the verifier with what the registrar knows of it, as `keylime_tenant -c add` does. */
export async function enrol(files: LabFiles, options: EnrolOptions): Promise<void> {
  const path = `/v2.5/agents/${options.agentId}`;
  const { results: record = {} } = expectOk(
    await adminCall(files, options.registrarUrl + path),
    "the registrar's record",
  );
  const answer = await adminCall(files, options.verifierUrl + path, {
    method: "POST",
    body: {
      cloudagent_ip: record.ip,
      cloudagent_port: record.port,
      supported_version: "2.5",
      ak_tpm: record.aik_tpm,
      mtls_cert: record.mtls_cert,
      v: null,
      tpm_policy: JSON.stringify(options.tpmPolicy),
      metadata: JSON.stringify(options.metadata),
      runtime_policy: "",
      runtime_policy_key: "",
      ima_sign_verification_keys: "",
      mb_policy: null,
      mb_policy_name: null,
      revocation_key: "",
      accept_tpm_hash_algs: ["sha512", "sha384", "sha256"],
      accept_tpm_encryption_algs: ["ecc", "rsa"],
      accept_tpm_signing_algs: ["ecdsa", "ecschnorr", "rsassa"],
    },
  });
  expectOk(answer, "the enrolment");
}

function expectOk({ status, body }: AdminAnswer, what: string): AdminAnswer["body"] {
  if (status === 200) return body;
  throw new Problem(
    "lab-set-up",
    `cannot set up the lab: ${what} was answered with ${status}: ${JSON.stringify(body)}`,
    {
      culprit: "ours",
    },
  );
}
