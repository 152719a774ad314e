import type { Clock } from "../core/clock.js";
import type { Logger } from "../core/logger.js";
import type { CallOptions, QuoteVerdict } from "./types.js";
import type { IdentityQuestion, Verifier, VerifierAgentAnswer } from "./verifier-client.js";

export interface VerifierPoolOptions {
  clock: Clock;
  logger: Logger;
}

/** Several verifiers that share a database, as one: tried in turn, those that cannot be reached are rested. */
export class VerifierPool implements Verifier {
  constructor(
    readonly members: readonly Verifier[],
    readonly options: VerifierPoolOptions,
  ) {}
  fetchAgent(_agentId: string, _options: CallOptions): Promise<VerifierAgentAnswer> {
    return Promise.reject(new Error("not yet"));
  }
  verifyIdentity(_question: IdentityQuestion, _options: CallOptions): Promise<QuoteVerdict> {
    return Promise.reject(new Error("not yet"));
  }
  close(): void {
    for (const member of this.members) member.close();
  }
}
