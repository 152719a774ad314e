import type { Clock } from "../../core/clock.js";
import { type Logger, withFields } from "../../core/logger.js";
import { errorText, problemLine } from "../../core/problem.js";
import { faults } from "../../faults/faults.js";
import { KeylimeError } from "../../keylime/keylime-error.js";
import {
  type AgentAttributes,
  type AttestRequest,
  type AttestResponse,
  type BidiCall,
  type ConfigHandlers,
  type Handlers,
  type Metrics,
  type PluginConfiguration,
  type ServerNodeAttestorService,
  StatusCode,
  type StatusError,
  statusError,
} from "../../plugin-sdk/index.js";
import { invalidConfiguration, logWarnings } from "../shared/configuration-report.js";
import { Current } from "../shared/current.js";
import { answerTo, Refusal } from "../shared/refusal.js";
import { userAgent } from "../shared/version.js";
import { type Awaited, attestNode, type NodeAttributes, type NodeExchange } from "./attest.js";
import { checkServerConfiguration, type ServerRuntime, startServerRuntime } from "./runtime.js";

export interface ServerHalfOptions {
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
}

/** The server half as SPIRE sees it: Configure, Validate and Attest over whatever configuration is in force. */
export class ServerHalf implements ConfigHandlers {
  readonly #current = new Current<ServerRuntime>();
  readonly #options: ServerHalfOptions;

  constructor(options: ServerHalfOptions) {
    this.#options = options;
  }

  readonly nodeAttestor: Handlers<ServerNodeAttestorService> = { attest: (call) => this.#attest(call) };

  async configure(configuration: PluginConfiguration): Promise<void> {
    const { clock, logger } = this.#options;
    const { trustDomain } = configuration;
    const { settings, identities, problems, warnings } = checkServerConfiguration(configuration, clock);
    if (settings === undefined || problems.length > 0) throw invalidConfiguration(problems);
    logWarnings(warnings, logger);
    this.#current.replace(startServerRuntime(trustDomain, settings, identities, { clock, logger, userAgent }));
    logger.log("info", "Configured", {
      verifier: settings.verifiers.map(({ url }) => url).join(", "),
      registrar: settings.registrar.url,
      client_certificate: settings.tls.certFile.path,
    });
  }

  async validate(configuration: PluginConfiguration): Promise<string[]> {
    return checkServerConfiguration(configuration, this.#options.clock).problems.map(problemLine);
  }

  close(): void {
    this.#current.replace(undefined);
  }

  async #attest(call: BidiCall<AttestRequest, AttestResponse>): Promise<void> {
    const stream = new AttestStream(call);
    try {
      await this.#current.use(async (runtime) => {
        if (runtime === undefined) throw statusError(StatusCode.FAILED_PRECONDITION, "not configured");
        await this.#attestWithin(stream, runtime);
      });
    } catch (error) {
      if (stream.isAnswerDue && !call.signal.aborted) {
        this.#options.logger.log("warn", "Attestation refused, SPIRE hears it when the node answers the challenge", {
          error: errorText(error),
        });
      }
      await stream.answered();
      throw error;
    }
  }

  /** SPIRE waits for the answer alone: that goes out before it is logged and measured. */
  async #attestWithin(stream: AttestStream, runtime: ServerRuntime): Promise<void> {
    const { clock, metrics } = this.#options;
    const { settings } = runtime;
    const startMs = clock.nowMs();
    const over = new AbortController();
    const limitMs = settings.attestationTimeoutMs;
    const timer = setTimeout(() => over.abort(timedOut(limitMs, stream.awaited)), limitMs);
    // Not AbortSignal.any(): in Node 20 every signal it makes stays for the garbage collector to look after.
    forwardAbort(stream.signal, over);
    try {
      const attesting = attestNode(stream.exchange(over.signal), runtime, clock);
      const attributes = await Promise.race([attesting, rejected(over.signal)]);
      await stream.admit(attributes);
      this.#tell(attributes, startMs);
      metrics.measureSince(["attest"], startMs, { outcome: "admitted" });
    } catch (error) {
      const { reason } = over.signal;
      const failure = reason instanceof Refusal ? reason : error;
      const answer = answerTo(failure);
      metrics.measureSince(["attest"], startMs, { outcome: outcomeOf(failure, answer) });
      throw answer;
    } finally {
      clearTimeout(timer);
    }
  }

  #tell({ spiffeId, selectors }: NodeAttributes, startMs: number): void {
    const { clock, logger } = this.#options;
    const log = withFields(logger, { agent_id: spiffeId });
    log.log("info", "Node attested", { elapsed_ms: clock.nowMs() - startMs });
    for (const { name, reason } of selectors.leftOut) log.log("warn", "Selector left out", { selector: name, reason });
  }
}

function timedOut(limitMs: number, awaited: Awaited): Refusal {
  const { whom, hint } = awaitedWords[awaited];
  const message = `the attestation was not complete after ${limitMs / 1000} s (attestation_timeout): ${whom} had not answered`;
  return new Refusal("deadline-exceeded", "attestation-timeout", message, hint);
}

const awaitedWords: Readonly<Record<Awaited, { whom: string; hint: string }>> = {
  node: { whom: "the node", hint: "look at the logs of the SPIRE agent and the Keylime agent on it" },
  verifier: { whom: "the Keylime verifier", hint: "look at its load and its log" },
  registrar: { whom: "the Keylime registrar", hint: "look at its load and its log" },
};

function forwardAbort(from: AbortSignal, to: AbortController): void {
  const forward = () => to.abort(from.reason);
  if (from.aborted) forward();
  from.addEventListener("abort", forward, { once: true });
}

function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** What was found out about the node, by its own word; what hindered that, by the status. */
function outcomeOf(error: unknown, answer: StatusError): string {
  const isFinding = error instanceof Refusal || (error instanceof KeylimeError && Object.hasOwn(faults, error.code));
  return isFinding ? error.code : StatusCode[answer.code]!.toLowerCase();
}

const spireAttributes = ({ spiffeId, selectors }: NodeAttributes): AgentAttributes => ({
  spiffeId,
  selectorValues: selectors.values,
  canReattest: true,
});

/** SPIRE's stream: payload first, then one answer per challenge. */
class AttestStream {
  #answer: Promise<AttestRequest | undefined> | undefined;
  #isAnswerDue = false;
  #awaited: Awaited = "node";

  constructor(private readonly call: BidiCall<AttestRequest, AttestResponse>) {}

  get signal(): AbortSignal {
    return this.call.signal;
  }

  get isAnswerDue(): boolean {
    return this.#isAnswerDue;
  }

  get awaited(): Awaited {
    return this.#awaited;
  }

  exchange(signal: AbortSignal): NodeExchange {
    return {
      signal,
      waitsFor: (whom) => {
        this.#awaited = whom;
      },
      receivePayload: async () => {
        const request = await this.call.receive();
        if (request?.payload === undefined) throw missing("attestation payload");
        return request.payload;
      },
      challenge: async (bytes) => {
        await this.call.send({ challenge: Buffer.from(bytes) });
        this.#isAnswerDue = true;
        this.#answer = this.call.receive().finally(() => {
          this.#isAnswerDue = false;
        });
        return async () => {
          const request = await this.#answer;
          if (request?.challengeResponse === undefined) throw missing("challenge response");
          return request.challengeResponse;
        };
      },
    };
  }

  admit(attributes: NodeAttributes): Promise<void> {
    return this.call.send({ agentAttributes: spireAttributes(attributes) });
  }

  /**
   * Resolves when no answer to a challenge is due any more, at the latest when SPIRE gives up. SPIRE looks for our status
   * only after it has sent on the answer, and no longer finds it if the stream ended before (1.13.3
   * pkg/server/plugin/nodeattestor/v1.go: "plugin closed stream unexpectedly").
   */
  async answered(): Promise<void> {
    await this.#answer?.catch(() => {});
  }
}

const missing = (what: string): StatusError => statusError(StatusCode.INVALID_ARGUMENT, `missing ${what}`);
