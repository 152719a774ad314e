import { StatusCode } from "../../goplugin/status-error.js";
import { until } from "../../peers/real/until.js";
import type { HandshakeStory } from "../../peers/tls-server/story.js";
import { type HalfName, type RunningHalf, startHalf } from "../../rehearse/half.js";
import { planRehearsal } from "../../rehearse/plan.js";
import { type AttestationFailure, type RelayedMessage, relayAttestation } from "../../rehearse/relay.js";
import { type LabFiles, labTrustDomain } from "../lab-files.js";
import { logLine } from "../log-line.js";
import type { ExchangedMessage, Tell } from "../report-schema.js";
import type { ListedAgent, NodeAttestation, Spire, WorkloadSvid } from "../world.js";
import { StandInSpire } from "./stand-in-spire.js";
import { tellHandshakes } from "./wire.js";

const startTimeoutMs = 20_000;
const attestTimeoutMs = 20_000;
/** A plugin that does not log who was admitted only makes the story this much slower. */
const logTimeoutMs = 500;

export interface EmbeddedSpireOptions {
  files: LabFiles;
  /** What the verifier's port saw on the wire since the last call. */
  takeHandshakes(): HandshakeStory[];
  signal: AbortSignal;
}

/** A plugin host in SPIRE's place: it loads what server.conf and agent.conf name, as processes over SPIRE's protocol. */
export class EmbeddedSpire implements Spire {
  readonly trustDomain = labTrustDomain;
  readonly #halves: Partial<Record<HalfName, RunningHalf>> = {};
  #logTo: Tell = () => {};
  #lastHandshakes: readonly HandshakeStory[] = [];
  /** Of the attestation that runs, or ran last. */
  readonly #serverLog: string[] = [];

  private constructor(
    private readonly options: EmbeddedSpireOptions,
    private readonly standIn: StandInSpire,
  ) {}

  static async start(options: EmbeddedSpireOptions): Promise<EmbeddedSpire> {
    return new EmbeddedSpire(options, await StandInSpire.start(labTrustDomain));
  }

  async loadServer(tell: Tell): Promise<void> {
    this.#logTo = tell;
    await this.#unload("server");
    await this.#load("server");
  }

  async attest(tell: Tell): Promise<NodeAttestation> {
    this.#logTo = tell;
    const server = this.#halves.server ?? (await this.#load("server"));
    const agent = this.#halves.agent ?? (await this.#load("agent"));
    this.standIn.forget();
    this.#serverLog.length = 0;
    const { takeHandshakes, signal } = this.options;
    takeHandshakes();
    const relayed = await relayAttestation({ server, agent, timeoutMs: attestTimeoutMs, signal, keepMessages: true });
    signal.throwIfAborted();
    const { result, messages = [] } = relayed;
    const failure = relayed.failure && inSpiresWords(relayed.failure, server.options.name);
    tell({ type: "exchange", messages: messages.map(exchangedMessage) });
    this.#lastHandshakes = takeHandshakes();
    tellHandshakes(this.#lastHandshakes, "plugin → verifier", tell);
    if (failure !== undefined) {
      tell({ type: "log", source: "SPIRE stand-in", level: "error", text: `${failure.code} ${failure.message}` });
    }
    if (result === undefined) return { failure: failure! };
    this.standIn.admit(result, server.options.name);
    await this.#logged(result.spiffeId);
    return { spiffeId: result.spiffeId };
  }

  /** Of the last attestation, oldest first. */
  get lastHandshakes(): readonly HandshakeStory[] {
    return this.#lastHandshakes;
  }

  serverPluginPid(): number | undefined {
    const { server } = this.#halves;
    return server?.ended() === undefined ? server?.plugin.pid : undefined;
  }

  async agents(): Promise<ListedAgent[]> {
    return this.standIn.agents();
  }

  issueWorkload(spiffeId: string, nodeSelectors: readonly string[]): Promise<WorkloadSvid> {
    return this.standIn.issueWorkload(spiffeId, nodeSelectors);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#unload("agent"), this.#unload("server")]);
  }

  async #load(half: HalfName): Promise<RunningHalf> {
    const { files, signal } = this.options;
    const plan = await planRehearsal({
      server: { config: files.spireServer.configFile },
      agent: { config: files.spireAgent.configFile },
    });
    const loaded = await startHalf(half, plan[half], {
      trustDomain: this.trustDomain,
      startTimeoutMs,
      signal,
      onLog: (source, { level, message, fields }) => {
        if (level === "debug" || level === "trace") return;
        const text = logLine(message, fields);
        if (source === "server") this.#serverLog.push(text);
        this.#logTo({ type: "log", source: `${source} plugin`, level, text });
      },
    });
    this.#halves[half] = loaded;
    return loaded;
  }

  /** The plugin answers first and logs it then: without the wait that line would stand in the next scene. */
  async #logged(spiffeId: string): Promise<void> {
    const { signal } = this.options;
    const isLogged = () => this.#serverLog.some((line) => line.includes(spiffeId));
    await until(isLogged, { what: "the plugin's log line", timeoutMs: logTimeoutMs, intervalMs: 5, signal }).catch(() =>
      signal.throwIfAborted(),
    );
  }

  async #unload(half: HalfName): Promise<void> {
    const running = this.#halves[half];
    delete this.#halves[half];
    await running?.unload();
  }
}

function exchangedMessage({ step, from, atMs, tookMs, bytes, facts }: RelayedMessage): ExchangedMessage {
  return { step, from, at_ms: tenths(atMs), took_ms: tenths(tookMs), bytes, facts };
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10;

function inSpiresWords({ code, message }: AttestationFailure, name: string): NonNullable<NodeAttestation["failure"]> {
  return { code: StatusCode[code], message: `nodeattestor(${name}): ${message}` };
}
