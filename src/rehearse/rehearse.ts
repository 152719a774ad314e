import type { Problem } from "../core/problem.js";
import type { PluginLogRecord } from "../goplugin/hclog-record.js";
import { StatusCode } from "../goplugin/status-error.js";
import { type HalfEnd, type HalfName, type HalfOptions, type RunningHalf, startHalf } from "./half.js";
import { nextStep } from "./next-step.js";
import { type Attestation, type AttestationFailure, relayAttestation } from "./relay.js";

export interface RehearseOptions {
  server: HalfOptions;
  agent: HalfOptions;
  /** The bare name; `example.org` without. */
  trustDomain?: string;
  /** How many attestations, 1 without; at most 100 000. */
  count?: number;
  /** How many of them run at a time, 1 without. */
  inFlight?: number;
  /** For one attestation, 60 000 without. */
  timeoutMs?: number;
  /** For a half's handshake and for its Configure, 60 000 without, as SPIRE gives. */
  startTimeoutMs?: number;
  /** Aborted: no attestation begins any more, the running ones are cancelled, the plugins unloaded. */
  signal?: AbortSignal;
  /** Every log line of both plugins, as they come. */
  onLog?: (half: HalfName, record: PluginLogRecord) => void;
  onProgress?: (done: number, failed: number) => void;
}

export interface HalfReport extends HalfEnd {
  startUntilConfiguredMs: number;
  isChecksumVerified: boolean;
}

/** Failures that say the same. */
export interface FailureGroup extends AttestationFailure {
  count: number;
  /** One action; undefined when nothing better is known than the message itself. */
  nextStep?: string;
}

/** One attestation among many: what it took, and which group of failures it belongs to. */
export interface AttestationSummary {
  /** Since the first one began. */
  endedAtMs: number;
  durationMs: number;
  serverMs: number;
  agentMs: number;
  /** Index into `failures`; absent when it attested. */
  failure?: number;
}

export interface Rehearsal {
  /** In the order in which they ended. */
  attestations: AttestationSummary[];
  failures: FailureGroup[];
  /** With its messages. Absent when there was none, after an interruption. */
  first?: Attestation;
  /** From the first attestation's begin to the last one's end. */
  wallMs: number;
  halves: Record<HalfName, HalfReport>;
  isInterrupted: boolean;
  /** Why fewer attestations ran than were asked for; undefined when all ran. */
  stoppedBecause?: string;
}

const maxCount = 100_000;
const maxFailureGroups = 50;

/**
 * Runs attestations through two plugin executables, as SPIRE server and agent would, without SPIRE. A failing
 * attestation is part of the result; a half that cannot be started is a Problem.
 * @throws Problem of `startHalf`; no plugin process is left then
 */
export async function rehearse(options: RehearseOptions): Promise<Rehearsal> {
  const limits = {
    trustDomain: options.trustDomain ?? "example.org",
    startTimeoutMs: options.startTimeoutMs ?? 60_000,
    onLog: options.onLog ?? (() => {}),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  // One after the other, so that each start is measured without the other's load.
  const server = await startHalf("server", options.server, limits);
  const agent = await startHalf("agent", options.agent, limits).catch(async (problem: Problem) => {
    await server.unload();
    throw problem;
  });
  const run = new Run(server, agent, options);
  await run.all();
  const halves = { server: await reportOf(server), agent: await reportOf(agent) };
  return { ...run.outcome(), halves };
}

async function reportOf(half: RunningHalf): Promise<HalfReport> {
  const isChecksumVerified = half.options.checksum !== undefined;
  return { startUntilConfiguredMs: half.startUntilConfiguredMs, isChecksumVerified, ...(await half.unload()) };
}

class Run {
  readonly #attestations: AttestationSummary[] = [];
  readonly #failures: FailureGroup[] = [];
  readonly #startedAtMs = performance.now();
  #wallMs = 0;
  #begun = 0;
  #failed = 0;
  #first: Attestation | undefined;
  #stoppedBecause: string | undefined;

  constructor(
    private readonly server: RunningHalf,
    private readonly agent: RunningHalf,
    private readonly options: RehearseOptions,
  ) {}

  async all(): Promise<void> {
    const { count = 1, inFlight = 1 } = this.options;
    const total = Math.min(count, maxCount);
    const worker = async () => {
      while (this.#begun < total && !this.#mustStop()) await this.#one();
    };
    await Promise.all(Array.from({ length: Math.min(inFlight, total) }, worker));
    this.#wallMs = performance.now() - this.#startedAtMs;
  }

  outcome(): Omit<Rehearsal, "halves"> {
    return {
      attestations: this.#attestations,
      failures: this.#failures,
      ...(this.#first === undefined ? {} : { first: this.#first }),
      wallMs: this.#wallMs,
      isInterrupted: this.options.signal?.aborted === true,
      ...(this.#stoppedBecause === undefined ? {} : { stoppedBecause: this.#stoppedBecause }),
    };
  }

  async #one(): Promise<void> {
    const { timeoutMs = 60_000, signal, onProgress } = this.options;
    const isFirst = this.#begun++ === 0;
    const attestation = await relayAttestation({
      server: this.server,
      agent: this.agent,
      timeoutMs,
      keepMessages: isFirst,
      ...(signal === undefined ? {} : { signal }),
    });
    // What an interruption cancelled says nothing about the plugins.
    if (signal?.aborted && attestation.failure?.code === StatusCode.CANCELLED) return;
    if (isFirst) this.#first = attestation;
    this.#attestations.push(this.#summary(attestation));
    onProgress?.(this.#attestations.length, this.#failed);
  }

  #summary({ durationMs, serverMs, agentMs, failure }: Attestation): AttestationSummary {
    const times = { endedAtMs: performance.now() - this.#startedAtMs, durationMs, serverMs, agentMs };
    return failure === undefined ? times : { ...times, failure: this.#groupOf(failure) };
  }

  #groupOf(failure: AttestationFailure): number {
    this.#failed++;
    const { half, step, code, message } = failure;
    const isSame = (group: FailureGroup) =>
      group.half === half && group.step === step && group.code === code && group.message === message;
    const known = this.#failures.findIndex(isSame);
    const index = known === -1 && this.#failures.length >= maxFailureGroups ? maxFailureGroups - 1 : known;
    if (index !== -1) {
      this.#failures[index]!.count++;
      return index;
    }
    const hint = nextStep(failure, this[half].ended() !== undefined);
    this.#failures.push({ ...failure, count: 1, ...(hint === undefined ? {} : { nextStep: hint }) });
    return this.#failures.length - 1;
  }

  /** SPIRE never restarts a plugin, so all later attestations would fail alike. */
  #mustStop(): boolean {
    if (this.options.signal?.aborted) return true;
    const dead = [this.server, this.agent].find((half) => half.ended() !== undefined);
    if (dead === undefined || this.#begun === 0) return false;
    this.#stoppedBecause = `the ${dead.half} plugin's process has ended with ${dead.ended()}, and SPIRE never restarts a plugin`;
    return true;
  }
}
