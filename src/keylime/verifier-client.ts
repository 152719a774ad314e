import type { HttpRequester } from "../net/http-message.js";
import { agentPath } from "./agent-path.js";
import type { ApiVersion } from "./api-version.js";
import { answerError, decodeAnswer, isObject, type KeylimeAnswer, serverText } from "./call.js";
import { decodeVerifierAgent } from "./decode-agent.js";
import { verifierRole } from "./roles.js";
import { isVersionRefusal, KeylimeService } from "./service.js";
import { serviceBehind } from "./service-behind.js";
import type { CallOptions, QuoteVerdict, VerifierAgent } from "./types.js";

/** An agent with the verifier's clock at the time of the answer. */
export interface VerifierAgentAnswer {
  agent: VerifierAgent;
  /** The verifier's Date header, whole seconds; undefined when it sent none. */
  verifierNowMs: number | undefined;
  /** `https://host:port` of the verifier that answered. */
  origin: string;
}

export interface IdentityQuestion {
  agentId: string;
  quote: string;
  nonce: string;
  hashAlg: string;
}

/** One verifier, or a pool of them that share a database. Failures are PeerErrors and KeylimeErrors. */
export interface Verifier {
  /** Code `agent-not-enrolled` when the verifier does not know the agent. */
  fetchAgent(agentId: string, options: CallOptions): Promise<VerifierAgentAnswer>;
  /** Code `agent-not-enrolled` when the verifier does not know the agent. */
  verifyIdentity(question: IdentityQuestion, options: CallOptions): Promise<QuoteVerdict>;
  close(): void;
}

export interface VerifierClientOptions {
  /** `auto` asks /version once and takes the newest common one. */
  apiVersion: ApiVersion | "auto";
}

const { name } = verifierRole;

export class VerifierClient implements Verifier {
  private readonly service: KeylimeService;

  constructor(
    private readonly http: HttpRequester,
    { apiVersion }: VerifierClientOptions,
  ) {
    this.service = new KeylimeService(http, { name, apiVersion, versionFault: "verifier-api-version" });
  }

  async fetchAgent(agentId: string, options: CallOptions): Promise<VerifierAgentAnswer> {
    const task = `read agent ${agentId}`;
    const answer = await this.service.get({ path: agentPath(agentId) }, options);
    const results = successOf(answer, task, agentId);
    const agent = decodeAnswer(answer, { name, task }, () => decodeVerifierAgent(agentId, results));
    return { agent, verifierNowMs: answer.dateMs, origin: this.http.origin };
  }

  async verifyIdentity(question: IdentityQuestion, options: CallOptions): Promise<QuoteVerdict> {
    const { agentId, quote, nonce, hashAlg } = question;
    agentPath(agentId);
    const task = `have the quote of agent ${agentId} checked`;
    const query = { agent_uuid: agentId, hash_alg: hashAlg, nonce, quote };
    const secrets = [quote, nonce];
    const answer = await this.service.get({ path: "/verify/identity", query, secrets }, options);
    const results = successOf(answer, task, agentId);
    return decodeAnswer(answer, { name, task }, () => decodeVerdict(results, secrets));
  }

  close(): void {
    this.service.close();
  }
}

function successOf(answer: KeylimeAnswer, task: string, agentId: string): Readonly<Record<string, unknown>> {
  const { httpStatus, results } = answer;
  if (serviceBehind(answer) === "registrar") {
    const hint = "point keylime_verifier_port at the verifier's port, 8881 by default";
    throw answerError(answer, {
      name,
      task,
      code: "verifier-is-registrar",
      why: "a Keylime registrar listens there",
      hint,
    });
  }
  if (httpStatus === 200 && results !== undefined) return results;
  throw answerError(answer, { name, task, ...refusalOf(answer, agentId) });
}

function refusalOf(answer: KeylimeAnswer, agentId: string): { code: string; why?: string; hint?: string } {
  const { httpStatus } = answer;
  if (isVersionRefusal(answer))
    return {
      code: "verifier-api-version",
      why: "the verifier does not serve this API version",
      hint: "set keylime_api_version to auto",
    };
  if (httpStatus === 404)
    return {
      code: "agent-not-enrolled",
      why: "the verifier does not know the agent",
      hint: `add it: keylime_tenant -c add -u ${agentId}`,
    };
  if (httpStatus === 401 || httpStatus === 403) {
    const why = "the verifier saw no client certificate that it accepts";
    return {
      code: "client-cert-not-sent",
      why,
      hint: "is a proxy in between? watch the handshake with `spire-keylime intercept`",
    };
  }
  return { code: httpStatus >= 500 ? "server-error" : "bad-answer" };
}

/** `valid` is 1 or 0 here and a boolean in newer answers; anything else is no verdict. */
function decodeVerdict({ valid, reason }: Readonly<Record<string, unknown>>, secrets: readonly string[]): QuoteVerdict {
  if (valid === 1 || valid === true) return { valid: true, reasons: [] };
  if (valid !== 0 && valid !== false) throw new Error("field valid is neither true nor false");
  return { valid: false, reasons: reasonsOf(reason, secrets) };
}

/** One JSON text per failure, joined with `; `. */
function reasonsOf(reason: unknown, secrets: readonly string[]): string[] {
  if (typeof reason !== "string") return [];
  const parts = reason.split(/; (?=\{)/).slice(0, 10);
  return parts.flatMap((part) => serverText(reasonText(part), secrets) ?? []);
}

function reasonText(part: string): string {
  try {
    const json: unknown = JSON.parse(part);
    if (!isObject(json)) return part;
    const words = [json.message, json.error].filter((each) => typeof each === "string");
    return words.length === 0 ? part : words.join(": ");
  } catch {
    return part;
  }
}
