import { constants, publicEncrypt, randomInt } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/logger.js";
import { errorText } from "../../core/problem.js";
import type { ClockInfo } from "../../formats/tpm/attest.js";
import { isAtLeast } from "../http/api-versions.js";
import type { AgentCaller, AgentOrder, AgentReply } from "./agent-call.js";
import type { AgentEntry } from "./agent-entry.js";
import { emergency, type FailureEvent, failureEvent } from "./failure.js";
import { type IntegrityAnswer, judgeIntegrityAnswer } from "./judge-integrity.js";
import { states } from "./states.js";
import { parseTpmPolicy } from "./tpm-policy.js";

export interface LoopSettings {
  quoteIntervalMs: number;
  retryIntervalMs: number;
  maxRetries: number;
  exponentialBackoff: boolean;
  /** What may be agreed on with an agent. */
  versions: readonly string[];
}

export interface LoopContext {
  settings: LoopSettings;
  caller: AgentCaller;
  clock: Clock;
  logger: Logger;
  /** The measured boot policy that the agent was enrolled with; null for none. */
  mbPolicy(): string | null;
  /** The agent was terminated while work was in flight: it can go now. */
  onTerminated(): void;
}

const nonceLength = 20;
const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/** What Keylime takes for "not reachable". */
const retriedStatuses = [408, 500, 599];

/**
 * Pulls quotes from one agent until it fails, is stopped or deleted: `process_agent` of
 * `keylime/cloud_verifier_tornado.py` (7.14.3), with the states in the order in which its database shows them.
 */
export class AttestationLoop {
  private timer: NodeJS.Timeout | undefined;
  private cancelled = false;
  private retries = 0;
  /** Whether the next good quote is followed by the delivery of the payload key. */
  private deliversKey = true;
  private encryptedV: string | undefined;
  private lastClock: ClockInfo | undefined;

  constructor(
    private readonly agent: AgentEntry,
    private readonly context: LoopContext,
  ) {
    this.lastClock = agent.clock;
  }

  /** First contact: a full quote at once. */
  start(): void {
    this.schedule(0, () => this.quoteRound(true));
  }

  /** No call is in flight; the next one waits for its time. */
  get idle(): boolean {
    return this.timer !== undefined;
  }

  /** Nothing happens from now on, and what is in flight changes nothing any more. */
  cancel(): void {
    this.cancelled = true;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private schedule(delayMs: number, work: () => Promise<void>): void {
    this.timer = setTimeout(() => {
      this.timer = undefined;
      work().catch((error: unknown) => this.failUnexpectedly(error));
    }, delayMs);
    this.timer.unref();
  }

  private async quoteRound(full: boolean): Promise<void> {
    const { agent } = this;
    const nonce = Array.from({ length: nonceLength }, () => alphanumeric[randomInt(alphanumeric.length)]).join("");
    const { mask } = parseTpmPolicy(agent.tpmPolicy);
    const query = `nonce=${nonce}&mask=${mask}&partial=${full ? 0 : 1}&ima_ml_entry=0`;
    const reply = await this.call({ method: "GET", path: `/v${agent.supportedVersion}/quotes/integrity?${query}` });
    if (this.isOver()) return;
    if (reply.status !== 200) {
      await this.afterRefusal(reply, {
        retry: () => this.retry("not_reachable", "agent was not reachable from verifier", () => this.quoteRound(true)),
        unexpected: failureEvent("internal.verifier.no_quote", "Unexpected Get Quote reponse from agent"),
      });
      return;
    }
    this.judge((reply.json as { results: IntegrityAnswer }).results, nonce);
  }

  private judge(answer: IntegrityAnswer, nonce: string): void {
    const { agent, context } = this;
    const { lastClock } = this;
    const verdict = judgeIntegrityAnswer(agent, answer, { nonce, lastClock, mbPolicy: context.mbPolicy() });
    if (!verdict.publicKeySent) this.deliversKey = false;
    Object.assign(agent, verdict.algorithms);
    const nowS = Math.trunc(context.clock.nowMs() / 1000);
    if (verdict.received) agent.lastReceivedQuote = nowS;
    this.lastClock = agent.clock ?? verdict.clock;
    if (verdict.failures.length > 0) {
      this.fail(states.invalidQuote, verdict.failures);
      return;
    }
    agent.attestationCount += 1;
    agent.lastSuccessfulAttestation = nowS;
    agent.clock = verdict.clock;
    this.lastClock = verdict.clock;
    if (verdict.publicKey !== agent.publicKey) {
      agent.publicKey = verdict.publicKey;
      this.encryptedV = undefined;
      this.deliversKey = true;
    }
    this.afterGoodQuote();
  }

  private afterGoodQuote(): void {
    this.retries = 0;
    this.agent.operationalState = states.getQuote;
    if (!this.deliversKey) {
      this.waitForNextRound();
    } else if (this.agent.v === null || this.agent.v === "") {
      // Nothing to deliver, but the state of delivery is what is shown until the next round.
      this.agent.operationalState = states.provideV;
      this.waitForNextRound();
    } else {
      this.schedule(0, () => this.keyRound());
    }
  }

  private waitForNextRound(): void {
    this.retries = 0;
    this.schedule(this.context.settings.quoteIntervalMs, () => this.quoteRound(false));
  }

  /** Delivers the payload key's half, encrypted for the agent's key (RSA-OAEP with SHA-1, as Keylime's crypto.py). */
  private async keyRound(): Promise<void> {
    const { agent } = this;
    this.encryptedV ??= publicEncrypt(
      { key: agent.publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" },
      Buffer.from(agent.v!, "base64"),
    ).toString("base64");
    const body = { encrypted_key: this.encryptedV };
    const reply = await this.call({ method: "POST", path: `/v${agent.supportedVersion}/keys/vkey`, body });
    if (this.isOver()) return;
    if (reply.status === 200) {
      agent.operationalState = states.provideV;
      this.waitForNextRound();
      return;
    }
    await this.afterRefusal(reply, {
      retry: () => this.retry("not_reachable_v", "agent was not reachable to provide V", () => this.keyRound()),
      unexpected: failureEvent("internal.verifier.no_v", {
        message: "Unexpected provide V response",
        data: reply.status,
      }),
    });
  }

  private async afterRefusal(
    reply: AgentReply,
    { retry, unexpected }: { retry: () => void; unexpected: FailureEvent },
  ): Promise<void> {
    if (retriedStatuses.includes(reply.status)) {
      retry();
      return;
    }
    const status = (reply.json as { status?: unknown } | undefined)?.status;
    if (reply.status !== 400 || typeof status !== "string" || !status.includes("API version not supported")) {
      this.fail(states.failed, [unexpected]);
      return;
    }
    const agreed = await this.agreeOnVersion();
    if (this.isOver()) return;
    if (agreed) {
      retry();
      return;
    }
    const facts = { context: "Agent API version not supported", data: reply.json };
    this.fail(states.failed, [failureEvent("internal.verifier.version_not_supported", facts)]);
  }

  /** Takes the newest common version; after a success only a newer one than before (no downgrade). */
  private async agreeOnVersion(): Promise<boolean> {
    const { agent, context } = this;
    const reply = await this.call({ method: "GET", path: "/version" });
    const results = (reply.json as { results?: { supported_versions?: unknown; supported_version?: unknown } })
      ?.results;
    const named = results?.supported_versions ?? results?.supported_version;
    const offered = (Array.isArray(named) ? named : [named]).filter((version) =>
      context.settings.versions.includes(version),
    );
    const [newest] = (offered as string[]).sort((a, b) => (isAtLeast(a, b) ? -1 : 1));
    if (newest === undefined) return false;
    const isDowngrade =
      agent.attestationCount > 0 && newest !== agent.supportedVersion && isAtLeast(agent.supportedVersion, newest);
    if (isDowngrade) return false;
    agent.supportedVersion = newest;
    return true;
  }

  private retry(event: string, text: string, work: () => Promise<void>): void {
    const { maxRetries, retryIntervalMs, exponentialBackoff } = this.context.settings;
    if (this.agent.operationalState !== states.provideV) this.agent.operationalState = states.getQuote;
    if (this.retries >= maxRetries) {
      this.fail(states.failed, [failureEvent(`internal.verifier.${event}`, text)]);
      return;
    }
    this.retries += 1;
    const baseS = retryIntervalMs / 1000;
    // As upstream: intervals up to a second do not grow.
    const delayS = exponentialBackoff && baseS > 1 ? baseS ** this.retries : baseS;
    this.schedule(delayS * 1000, work);
  }

  private fail(state: typeof states.failed | typeof states.invalidQuote, failures: readonly FailureEvent[]): void {
    const first = failures[0]!;
    this.agent.operationalState = state;
    this.agent.severityLevel = emergency;
    this.agent.lastEventId = first.id;
    this.context.logger.log("warn", "Agent failed, polling stops", {
      agent: this.agent.agentId,
      state,
      event: first.id,
    });
  }

  private failUnexpectedly(error: unknown): void {
    if (this.isOver()) return;
    const facts = { context: "Agent caused the verifier to throw an exception", data: errorText(error) };
    this.fail(states.failed, [failureEvent("internal.verifier.exception", facts)]);
  }

  private async call(order: AgentOrder): Promise<AgentReply> {
    const reply = await this.context.caller.call(this.agent, order);
    if (reply.error !== undefined) {
      this.context.logger.log("debug", "Agent not reached", { agent: this.agent.agentId, error: reply.error });
    }
    return reply;
  }

  /** Whether somebody ended this loop while its call was in flight. */
  private isOver(): boolean {
    if (this.cancelled) return true;
    if (this.agent.operationalState === states.terminated) {
      this.cancel();
      this.context.onTerminated();
      return true;
    }
    return this.agent.operationalState === states.tenantFailed;
  }
}
