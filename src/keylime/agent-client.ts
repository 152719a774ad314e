import type { HttpRequester } from "../net/http-message.js";
import { answerError, decodeAnswer, type KeylimeAnswer } from "./call.js";
import { decodeAgentInfo, decodeIdentityQuote } from "./decode-agent.js";
import { agentRole } from "./roles.js";
import { isVersionRefusal, KeylimeService } from "./service.js";
import type { CallOptions, IdentityQuote, KeylimeAgentInfo } from "./types.js";

/** The Keylime agent on this machine. Failures are PeerErrors and KeylimeErrors. */
export interface KeylimeAgent {
  fetchInfo(options: CallOptions): Promise<KeylimeAgentInfo>;
  fetchIdentityQuote(nonce: string, options: CallOptions): Promise<IdentityQuote>;
  close(): void;
}

const { name } = agentRole;

export class KeylimeAgentClient implements KeylimeAgent {
  private readonly service: KeylimeService;

  constructor(http: HttpRequester) {
    this.service = new KeylimeService(http, { name, apiVersion: "auto", versionFault: "agent-api-version" });
  }

  async fetchInfo(options: CallOptions): Promise<KeylimeAgentInfo> {
    const task = "read the Keylime agent's identity";
    const answer = await this.service.get({ path: "/agent/info" }, options);
    const results = successOf(answer, task);
    return decodeAnswer(answer, { name, task }, () => decodeAgentInfo(results));
  }

  /** The nonce goes into the query and nowhere else. */
  async fetchIdentityQuote(nonce: string, options: CallOptions): Promise<IdentityQuote> {
    const task = "get an identity quote";
    const answer = await this.service.get({ path: "/quotes/identity", query: { nonce }, secrets: [nonce] }, options);
    const results = successOf(answer, task);
    return decodeAnswer(answer, { name, task }, () => decodeIdentityQuote(results));
  }

  close(): void {
    this.service.close();
  }
}

function successOf(answer: KeylimeAnswer, task: string): Readonly<Record<string, unknown>> {
  const { httpStatus, results, serverText = "" } = answer;
  if (httpStatus === 200 && results !== undefined) return results;
  if (isVersionRefusal(answer) || /^Not Implemented/.test(serverText)) {
    throw answerError(answer, {
      name,
      task,
      code: "agent-api-version",
      hint: "upgrade the Keylime agent to 0.2.7 or newer",
    });
  }
  throw answerError(answer, { name, task, code: httpStatus >= 500 ? "server-error" : "bad-answer" });
}
