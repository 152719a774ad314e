import type { Clock } from "../core/clock.js";
import type { Logger } from "../core/logger.js";
import { errorText } from "../core/problem.js";
import { PeerError } from "../net/peer-errors.js";
import { KeylimeError } from "./keylime-error.js";
import type { CallOptions, QuoteVerdict } from "./types.js";
import type { IdentityQuestion, Verifier, VerifierAgentAnswer } from "./verifier-client.js";

export interface VerifierPoolOptions {
  clock: Clock;
  logger: Logger;
}

interface Member {
  verifier: Verifier;
  failures: number;
  restsUntilMs: number;
}

const firstRestMs = 1000;
const longestRestMs = 60_000;

/** Several verifiers that share a database, as one: tried in turn, those that cannot be used are rested. */
export class VerifierPool implements Verifier {
  private readonly members: readonly Member[];
  private turn = 0;

  constructor(
    verifiers: readonly Verifier[],
    private readonly options: VerifierPoolOptions,
  ) {
    this.members = verifiers.map((verifier) => ({ verifier, failures: 0, restsUntilMs: Number.NEGATIVE_INFINITY }));
  }

  fetchAgent(agentId: string, options: CallOptions): Promise<VerifierAgentAnswer> {
    return this.tryInTurn(options, (verifier, left) => verifier.fetchAgent(agentId, left));
  }

  verifyIdentity(question: IdentityQuestion, options: CallOptions): Promise<QuoteVerdict> {
    return this.tryInTurn(options, (verifier, left) => verifier.verifyIdentity(question, left));
  }

  close(): void {
    for (const { verifier } of this.members) verifier.close();
  }

  /** An answer about the agent ends the search, good or bad; only a verifier that gives none is passed over. */
  private async tryInTurn<T>(
    options: CallOptions,
    call: (verifier: Verifier, left: CallOptions) => Promise<T>,
  ): Promise<T> {
    const deadlineMs = performance.now() + options.timeoutMs;
    const order = this.order();
    for (const [index, member] of order.entries()) {
      // A verifier that hangs must leave time for those after it.
      const shareMs = Math.max(1, (deadlineMs - performance.now()) / (order.length - index));
      const isLast = index === order.length - 1;
      try {
        const answer = await call(member.verifier, {
          ...options,
          timeoutMs: shareMs,
          attempts: isLast ? (options.attempts ?? 2) : 1,
        });
        this.recover(member);
        return answer;
      } catch (error) {
        // A call that was given up says nothing of the verifier, whether it hung or was about to answer.
        if (isGivenUp(error)) throw error;
        if (!isUnusable(error)) {
          this.recover(member);
          throw error;
        }
        this.rest(member, error, isLast);
        if (isLast) throw lastWord(error, order.length);
        if (options.signal?.aborted) throw error;
      }
    }
    throw new RangeError("a pool without verifiers");
  }

  /** In turn, those at rest last: with every verifier at rest the one that wakes first is tried all the same. */
  private order(): Member[] {
    const nowMs = this.options.clock.nowMs();
    const start = this.turn++ % this.members.length;
    const rotated = [...this.members.slice(start), ...this.members.slice(0, start)];
    const awake = rotated.filter(({ restsUntilMs }) => restsUntilMs <= nowMs);
    const resting = rotated.filter(({ restsUntilMs }) => restsUntilMs > nowMs);
    return [...awake, ...resting.sort((a, b) => a.restsUntilMs - b.restsUntilMs)];
  }

  private rest(member: Member, error: unknown, isLast: boolean): void {
    member.failures++;
    const restMs = Math.min(longestRestMs, firstRestMs * 2 ** (member.failures - 1)) * (0.75 + Math.random() / 2);
    member.restsUntilMs = this.options.clock.nowMs() + restMs;
    const next = isLast ? "and none is left to try" : "trying the next";
    this.options.logger.log("warn", `Keylime verifier cannot be used, ${next}`, {
      error: errorText(error),
      rest_ms: Math.round(restMs),
    });
  }

  private recover(member: Member): void {
    member.failures = 0;
    member.restsUntilMs = Number.NEGATIVE_INFINITY;
  }
}

/** Faults of an address, whose own advice names the keys of a single verifier. */
const addressFaults: readonly string[] = ["verifier-unreachable", "verifier-not-tls", "verifier-is-registrar"];

/** The last failure, told as one of all. */
function lastWord(error: Unusable, count: number): Unusable {
  const others = count === 1 ? "" : `; none of the ${count} verifiers of keylime_verifier_urls can be used`;
  const message = `${error.message}${others}`;
  const hint = addressFaults.includes(error.code) ? "start a verifier, or correct keylime_verifier_urls" : error.hint;
  const options = { culprit: error.culprit, cause: error, ...(hint === undefined ? {} : { hint }) };
  return error instanceof PeerError
    ? new PeerError(error.code, message, options, error.facts)
    : new KeylimeError(error.code, message, options, error.facts);
}

const isGivenUp = (error: unknown): boolean => error instanceof PeerError && error.kind === "aborted";

type Unusable = PeerError | KeylimeError;

/** Nothing was said about the agent: the way to the verifier, its TLS or the verifier itself is at fault. */
function isUnusable(error: unknown): error is Unusable {
  if (error instanceof PeerError) return true;
  return (
    error instanceof KeylimeError &&
    (error.code === "server-error" || error.code === "verifier-is-registrar" || error.code === "verifier-api-version")
  );
}
