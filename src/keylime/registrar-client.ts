import { setTimeout as delay } from "node:timers/promises";
import type { HttpRequester } from "../net/http-message.js";
import { agentPath } from "./agent-path.js";
import type { ApiVersion } from "./api-version.js";
import { answerError, decodeAnswer, type KeylimeAnswer } from "./call.js";
import { decodeRegistrarAgent } from "./decode-agent.js";
import { registrarRole } from "./roles.js";
import { isVersionRefusal, KeylimeService } from "./service.js";
import type { CallOptions, RegistrarAgent } from "./types.js";

/** Failures are PeerErrors and KeylimeErrors. */
export interface Registrar {
  /** Codes `agent-not-registered` and `agent-not-active` for the two kinds of 404. */
  fetchAgent(agentId: string, options: CallOptions): Promise<RegistrarAgent>;
  close(): void;
}

export interface RegistrarClientOptions {
  apiVersion: ApiVersion | "auto";
  /** Pause before an inactive agent is asked for once more; 500 ms by default. */
  activationPauseMs?: number;
}

const { name } = registrarRole;

export class RegistrarClient implements Registrar {
  private readonly service: KeylimeService;

  constructor(
    http: HttpRequester,
    private readonly options: RegistrarClientOptions,
  ) {
    const { apiVersion } = options;
    // The registrar has /version since API 2.3 (Keylime 7.12).
    this.service = new KeylimeService(http, {
      name,
      apiVersion,
      versionFault: "verifier-api-version",
      unversioned: "2.2",
    });
  }

  async fetchAgent(agentId: string, options: CallOptions): Promise<RegistrarAgent> {
    const task = `read the attestation key of agent ${agentId}`;
    const answer = await this.fetchActive(agentPath(agentId), options);
    const { httpStatus, results } = answer;
    if (httpStatus !== 200 || results === undefined) throw answerError(answer, { name, task, ...refusalOf(answer) });
    return decodeAnswer(answer, { name, task }, () => decodeRegistrarAgent(agentId, results));
  }

  close(): void {
    this.service.close();
  }

  /** An agent that registers anew is inactive until it has proved its key, some tens of milliseconds: asks once more. */
  private async fetchActive(path: string, options: CallOptions): Promise<KeylimeAnswer> {
    const { activationPauseMs = 500 } = this.options;
    const startMs = performance.now();
    const answer = await this.service.get({ path }, options);
    const leftMs = options.timeoutMs - (performance.now() - startMs) - activationPauseMs;
    if (!isInactive(answer) || leftMs <= 0) return answer;
    await delay(activationPauseMs, undefined, options.signal === undefined ? {} : { signal: options.signal }).catch(
      () => {},
    );
    return this.service.get({ path }, { ...options, timeoutMs: leftMs });
  }
}

/** `has not been activated` since 7.12, `not yet active` before. */
function isInactive({ httpStatus, serverText = "" }: KeylimeAnswer): boolean {
  return httpStatus === 404 && /has not been activated|not yet active/.test(serverText);
}

function refusalOf(answer: KeylimeAnswer): { code: string; why?: string; hint?: string } {
  const { httpStatus } = answer;
  if (isInactive(answer))
    return {
      code: "agent-not-active",
      why: "its credential was never activated",
      hint: "restart the Keylime agent and look at its log",
    };
  if (isVersionRefusal(answer))
    return {
      code: "verifier-api-version",
      why: "the registrar does not serve this API version",
      hint: "set keylime_api_version to auto",
    };
  if (httpStatus === 404)
    return {
      code: "agent-not-registered",
      why: "the registrar does not know the agent",
      hint: "start the Keylime agent and look at its log for the registration",
    };
  if (httpStatus === 401 || httpStatus === 403)
    return { code: "registrar-refuses-client", why: "the registrar saw no client certificate that it accepts" };
  return { code: httpStatus >= 500 ? "server-error" : "bad-answer" };
}
