import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/logger.js";
import { problemLine } from "../../core/problem.js";
import {
  type AgentNodeAttestorService,
  type BidiCall,
  type Challenge,
  type ConfigHandlers,
  type Handlers,
  type PayloadOrChallengeResponse,
  type PluginConfiguration,
  StatusCode,
  statusError,
} from "../../plugin-sdk/index.js";
import { invalidConfiguration, logWarnings } from "../shared/configuration-report.js";
import { Current } from "../shared/current.js";
import { answerTo } from "../shared/refusal.js";
import { userAgent } from "../shared/version.js";
import { attestSelf, type ServerExchange } from "./attest.js";
import { type AgentRuntime, checkAgentConfiguration, startAgentRuntime } from "./runtime.js";

export interface AgentHalfOptions {
  clock: Clock;
  logger: Logger;
}

type AttestationCall = BidiCall<Challenge, PayloadOrChallengeResponse>;

/** The agent half as SPIRE sees it: Configure, Validate and AidAttestation over whatever configuration is in force. */
export class AgentHalf implements ConfigHandlers {
  readonly #current = new Current<AgentRuntime>();
  readonly #options: AgentHalfOptions;

  constructor(options: AgentHalfOptions) {
    this.#options = options;
  }

  readonly nodeAttestor: Handlers<AgentNodeAttestorService> = { aidAttestation: (call) => this.#aid(call) };

  async configure({ hcl }: PluginConfiguration): Promise<void> {
    const { clock, logger } = this.#options;
    const { settings, tls, problems, warnings } = checkAgentConfiguration(hcl, clock);
    if (settings === undefined || problems.length > 0) throw invalidConfiguration(problems);
    logWarnings(warnings, logger);
    this.#current.replace(startAgentRuntime(settings, tls, { clock, logger, userAgent }));
    logger.log("info", "Configured", { keylime_agent: `${settings.host}:${settings.port}` });
  }

  async validate({ hcl }: PluginConfiguration): Promise<string[]> {
    return checkAgentConfiguration(hcl, this.#options.clock).problems.map(problemLine);
  }

  close(): void {
    this.#current.replace(undefined);
  }

  async #aid(call: AttestationCall): Promise<void> {
    await this.#current.use(async (runtime) => {
      if (runtime === undefined) throw statusError(StatusCode.FAILED_PRECONDITION, "not configured");
      try {
        await attestSelf(exchangeOver(call), runtime, this.#options);
      } catch (error) {
        throw answerTo(error);
      }
    });
  }
}

/** SPIRE's stream as the exchange sees it: the payload goes out unasked, then one answer per challenge. */
function exchangeOver(call: AttestationCall): ServerExchange {
  return {
    signal: call.signal,
    async sendPayload(bytes) {
      await call.send({ payload: Buffer.from(bytes) });
      const challenge = await call.receive();
      if (challenge === undefined)
        throw statusError(StatusCode.CANCELLED, "the server ended the attestation without a challenge");
      return challenge.challenge;
    },
    async sendChallengeResponse(bytes) {
      await call.send({ challengeResponse: Buffer.from(bytes) });
    },
  };
}
