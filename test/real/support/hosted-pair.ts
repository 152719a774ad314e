import { randomUUID } from "node:crypto";
import {
  type KeylimeAgent,
  type KeylimeAgentOptions,
  startKeylimeAgent,
} from "../../../src/peers/agent/keylime-agent.js";
import { type FieldReportPki, fieldReportPki } from "../../../src/peers/pki/field-report-pki.js";
import { pluginData } from "../../../src/peers/real/spire-config.js";
import { Started } from "../../../src/peers/real/started.js";
import { SoftwareTpm, type SoftwareTpmOptions } from "../../../src/peers/tpm/software-tpm.js";
import { StatusCode } from "../../../src/plugin-sdk/index.js";
import { type HalfName, type RunningHalf, startHalf } from "../../../src/rehearse/half.js";
import { type Attestation, relayAttestation } from "../../../src/rehearse/relay.js";
import { builtExecutable } from "../../support/built-executable.js";
import { type TemporaryDirectory, temporaryDirectory } from "../../support/temporary-directory.js";
import { agentPluginData, agentTls, type PluginValues, serverPluginData, writePluginFiles } from "./attesting-node.js";
import { type EnrolOptions, enrolAtVerifier, untilAttested } from "./enrol.js";
import { type RealKeylime, startRealKeylime } from "./keylime.js";

export interface MachineOptions {
  /** Both of its TPM's keys; RSA without. */
  keys?: SoftwareTpmOptions["ak"];
  /** null leaves it unknown to the verifier. A machine that is enrolled is returned once it has attested. */
  enrol?: EnrolOptions | null;
  /** false returns at once after the enrolment: for a machine that will not attest. */
  untilAttested?: boolean;
  agent?: Partial<KeylimeAgentOptions>;
  /** The agent half asks a second agent on the same TPM, which still answers when the polled one is stopped. */
  sideAgent?: boolean;
}

/** A machine that a real Keylime knows, and our agent half on it. */
export interface Machine {
  readonly agentId: string;
  tpm: SoftwareTpm;
  /** What the verifier polls, at the address the registrar has. */
  agent: KeylimeAgent;
  /** Our agent half. */
  readonly half: RunningHalf;
  /** Starts the agent that was stopped again, at the same address. */
  wake(): Promise<void>;
}

/** What became of one attestation, the time it took left out. */
export type Outcome =
  | { spiffeId: string }
  /** The refusing half, the gRPC code by name, and its whole message. */
  | { half: HalfName; code: string; message: string };

/** A real Keylime with our plugin executables loaded beside it, without SPIRE. Everything ends with it. */
export interface HostedPair extends AsyncDisposable {
  readonly dir: TemporaryDirectory;
  readonly pki: FieldReportPki;
  readonly keylime: RealKeylime;
  startServerHalf(pluginValues?: PluginValues): Promise<RunningHalf>;
  startMachine(options?: MachineOptions): Promise<Machine>;
  /** What the halves have logged, as `level message`. */
  logs(): string[];
}

/** Tries that follow each other by a second (Keylime backs off by powers of the interval, which is 1). */
const patience = { max_retries: 90 };

/** The verifier leaves an agent that does not answer in state 3 for a minute and a half. */
export async function startHostedPair(): Promise<HostedPair> {
  const started = new Started();
  try {
    const dir = await temporaryDirectory();
    started.keep({ stop: async () => dir[Symbol.asyncDispose]() });
    const pki = await fieldReportPki();
    await writePluginFiles(dir, pki);
    const keylime = started.keep(await startRealKeylime({ dir: dir.path, pki, verifierOptions: patience }));
    return new Pair(dir, pki, keylime, started);
  } catch (error) {
    await started.stop();
    throw error;
  }
}

class Pair implements HostedPair {
  private readonly lines: string[] = [];

  constructor(
    readonly dir: TemporaryDirectory,
    readonly pki: FieldReportPki,
    readonly keylime: RealKeylime,
    private readonly started: Started,
  ) {}

  logs = (): string[] => this.lines;

  startServerHalf(pluginValues: PluginValues = {}): Promise<RunningHalf> {
    return this.startHalf("server", { ...serverPluginData(this.dir, this.keylime), ...pluginValues });
  }

  async startMachine(options: MachineOptions = {}): Promise<Machine> {
    const { keys = "rsa2048", enrol = {} } = options;
    const agentId = randomUUID();
    const tpm = await SoftwareTpm.create({ ek: keys, ak: keys });
    const agent = await this.startAgent({ tpm, agentId, ...options.agent });
    const asked = options.sideAgent === true ? await this.startAgent({ tpm, agentId }) : agent;
    const half = await this.startHalf("agent", agentPluginData(this.dir, asked));
    const wakeAgent = (tpm: SoftwareTpm) => this.startAgent({ tpm, agentId, listen: agent.address });
    const machine: Machine = {
      agentId,
      tpm,
      agent,
      half,
      async wake() {
        this.agent = await wakeAgent(this.tpm);
      },
    };
    await agent.register();
    if (enrol !== null) {
      await enrolAtVerifier(this.keylime, agentId, enrol);
      if (options.untilAttested !== false) await untilAttested(this.keylime, agentId);
    }
    return machine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.started.stop();
  }

  private async startAgent(
    options: Partial<KeylimeAgentOptions> & Pick<KeylimeAgentOptions, "tpm" | "agentId">,
  ): Promise<KeylimeAgent> {
    const agent = await startKeylimeAgent({
      listen: { host: "127.0.0.1", port: 0 },
      registrar: { host: "127.0.0.1", port: this.keylime.ports.registrarHttp },
      tls: agentTls(this.pki),
      ...options,
    });
    return this.started.keep(agent);
  }

  private async startHalf(half: HalfName, values: PluginValues): Promise<RunningHalf> {
    const running = await startHalf(
      half,
      { name: "keylime", command: builtExecutable(), args: ["plugin", half], data: pluginData(values) },
      {
        trustDomain: "example.org",
        startTimeoutMs: 30_000,
        onLog: (_, { level, message }) => void this.lines.push(`${level} ${message}`),
      },
    );
    this.started.keep({ stop: () => unloadQuietly(running) });
    return running;
  }
}

/** One attestation as SPIRE would relay it. */
export async function attest(server: RunningHalf, { half: agent }: Pick<Machine, "half">): Promise<Outcome> {
  return outcomeOf(await relayAttestation({ server, agent, timeoutMs: 60_000, keepMessages: false }));
}

function outcomeOf({ result, failure }: Attestation): Outcome {
  if (result !== undefined) return { spiffeId: result.spiffeId };
  const { half, code, message } = failure!;
  return { half, code: StatusCode[code]!, message };
}

/** Ends a half; one that complains, as SPIRE would log it, fails the test. */
async function unloadQuietly(half: RunningHalf): Promise<void> {
  const { complaint } = await half.unload();
  if (complaint !== undefined) throw new Error(`the ${half.half} half was not unloaded cleanly: ${complaint}`);
}
