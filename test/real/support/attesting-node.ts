import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { type AgentTls, type KeylimeAgent, startKeylimeAgent } from "../../../src/peers/agent/keylime-agent.js";
import { type FieldReportPki, fieldReportPki } from "../../../src/peers/pki/field-report-pki.js";
import { Started } from "../../../src/peers/real/started.js";
import { SoftwareTpm } from "../../../src/peers/tpm/software-tpm.js";
import { type TemporaryDirectory, temporaryDirectory } from "../../support/temporary-directory.js";
import { type EnrolOptions, enrolAtVerifier, untilAttested } from "./enrol.js";
import { type RealKeylime, type RealKeylimeOptions, startRealKeylime } from "./keylime.js";
import { ourPluginBlock } from "./plugin-under-test.js";
import { type SpireAgent, type SpireServer, startSpireAgent, startSpireServer } from "./spire.js";

/** `plugin_data` over what the set-up needs; undefined takes a key out. */
export type PluginValues = Parameters<typeof ourPluginBlock>[1];

export interface AttestingNodeOptions {
  keylime?: Partial<Omit<RealKeylimeOptions, "dir" | "pki">>;
  /** Mutual TLS on the Keylime agent's port, for the verifier and for the agent half; true without. */
  agentMtls?: boolean;
  /** Added to each quote of the machine, as a real TPM takes its time; 0 without. */
  quoteMs?: number;
  /** null leaves the node registered but unknown to the verifier. */
  enrol?: EnrolOptions | null;
}

/** A real Keylime with one machine in it, and SPIRE servers and agents beside it as a test asks for them. */
export interface AttestingNode extends AsyncDisposable {
  /**
   * `plugin.crt`, `plugin.key` and `ca-complete-chain.crt` in it are what both halves present and trust.
   */
  readonly dir: TemporaryDirectory;
  readonly pki: FieldReportPki;
  readonly agentId: string;
  readonly tpm: SoftwareTpm;
  readonly keylime: RealKeylime;
  readonly keylimeAgent: KeylimeAgent;
  /** The node's SPIFFE ID: `spiffe://example.org/spire/agent/keylime/<agent id>`. */
  readonly spiffeId: string;
  startSpireServer(pluginValues?: PluginValues, options?: NodeSpireServerOptions): Promise<SpireServer>;
  startSpireAgent(server: SpireServer, options?: NodeSpireAgentOptions): Promise<SpireAgent>;
}

export interface NodeSpireServerOptions {
  agentTtl?: string;
  moreBlocks?: string;
}

export interface NodeSpireAgentOptions {
  pluginValues?: PluginValues;
  moreAgentOptions?: string;
  /** false for an attestation that must fail. */
  waitUntilHealthy?: boolean;
}

/** Everything that the node starts, the SPIRE processes included, ends with it. */
export async function startAttestingNode(options: AttestingNodeOptions = {}): Promise<AttestingNode> {
  const { agentMtls = true, enrol = {} } = options;
  const started = new Started();
  try {
    const dir = await temporaryDirectory();
    started.keep({ stop: async () => dir[Symbol.asyncDispose]() });
    const pki = await fieldReportPki();
    await writePluginFiles(dir, pki);
    const keylime = started.keep(await startRealKeylime({ dir: dir.path, pki, agentMtls, ...options.keylime }));
    const agentId = randomUUID();
    const tpm = await SoftwareTpm.create();
    const keylimeAgent = await startKeylimeAgent({
      tpm,
      agentId,
      listen: { host: "127.0.0.1", port: 0 },
      registrar: { host: "127.0.0.1", port: keylime.ports.registrarHttp },
      ...(agentMtls ? { tls: agentTls(pki) } : {}),
      delays: { quoteMs: options.quoteMs ?? 0 },
    });
    started.keep(keylimeAgent);
    await keylimeAgent.register();
    if (enrol !== null) {
      await enrolAtVerifier(keylime, agentId, enrol);
      await untilAttested(keylime, agentId);
    }
    return new Node({ dir, pki, agentId, tpm, keylime, keylimeAgent }, agentMtls, started);
  } catch (error) {
    await started.stop();
    throw error;
  }
}

type NodeParts = Pick<AttestingNode, "dir" | "pki" | "agentId" | "tpm" | "keylime" | "keylimeAgent">;

class Node implements AttestingNode {
  readonly dir: TemporaryDirectory;
  readonly pki: FieldReportPki;
  readonly agentId: string;
  readonly tpm: SoftwareTpm;
  readonly keylime: RealKeylime;
  readonly keylimeAgent: KeylimeAgent;
  readonly spiffeId: string;
  private spireCount = 0;

  constructor(
    parts: NodeParts,
    private readonly agentMtls: boolean,
    private readonly started: Started,
  ) {
    ({
      dir: this.dir,
      pki: this.pki,
      agentId: this.agentId,
      tpm: this.tpm,
      keylime: this.keylime,
      keylimeAgent: this.keylimeAgent,
    } = parts);
    this.spiffeId = `spiffe://example.org/spire/agent/keylime/${this.agentId}`;
  }

  async startSpireServer(pluginValues: PluginValues = {}, options: NodeSpireServerOptions = {}): Promise<SpireServer> {
    const nodeAttestorBlock = ourPluginBlock("server", {
      ...serverPluginData(this.dir, this.keylime),
      ...pluginValues,
    });
    return this.started.keep(await startSpireServer({ dir: await this.spireDir(), nodeAttestorBlock, ...options }));
  }

  async startSpireAgent(server: SpireServer, options: NodeSpireAgentOptions = {}): Promise<SpireAgent> {
    const { pluginValues, ...more } = options;
    const nodeAttestorBlock = ourPluginBlock("agent", {
      ...agentPluginData(this.dir, this.keylimeAgent, this.agentMtls),
      ...pluginValues,
    });
    return this.started.keep(await startSpireAgent({ dir: await this.spireDir(), server, nodeAttestorBlock, ...more }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.started.stop();
  }

  private async spireDir(): Promise<string> {
    this.spireCount++;
    const dir = this.dir.file(`spire${this.spireCount}`);
    await mkdir(dir);
    return dir;
  }
}

/** `plugin_data` of the server half. The keys are the field report's own, `…_client_cert_file` included. */
export function serverPluginData(dir: TemporaryDirectory, { ports }: RealKeylime): PluginValues {
  return {
    keylime_verifier_host: "127.0.0.1",
    keylime_verifier_port: String(ports.verifier),
    keylime_tls_ca_cert_file: dir.file("ca-complete-chain.crt"),
    keylime_tls_client_cert_file: dir.file("plugin.crt"),
    keylime_tls_client_key_file: dir.file("plugin.key"),
    keylime_registrar_port: String(ports.registrarTls),
  };
}

/** What `writePluginFiles` writes, by the server half's keys. */
export function pluginFileValues(dir: TemporaryDirectory): PluginValues {
  return {
    keylime_tls_ca_cert_file: dir.file("ca-complete-chain.crt"),
    keylime_tls_cert_file: dir.file("plugin.crt"),
    keylime_tls_key_file: dir.file("plugin.key"),
  };
}

export function agentPluginData(
  dir: TemporaryDirectory,
  { address: { host, port } }: KeylimeAgent,
  agentMtls = true,
): PluginValues {
  const tls = {
    keylime_agent_ca_cert_file: dir.file("ca-complete-chain.crt"),
    keylime_agent_client_cert_file: dir.file("plugin.crt"),
    keylime_agent_client_key_file: dir.file("plugin.key"),
  };
  return { keylime_agent_host: host, keylime_agent_port: String(port), ...(agentMtls ? tls : {}) };
}

export async function writePluginFiles(
  dir: TemporaryDirectory,
  { caCompleteChainPem, plugin }: FieldReportPki,
): Promise<void> {
  await dir.write("ca-complete-chain.crt", caCompleteChainPem);
  await dir.write("plugin.crt", plugin.chainPem);
  await dir.write("plugin.key", plugin.keyPem);
}

/** What the lab's Keylime agent serves and whom it lets ask. */
export function agentTls({ agent, caCompleteChainPem }: FieldReportPki): AgentTls {
  return { certPem: agent.certPem, keyPem: agent.keyPem, trustedClientCaPem: caCompleteChainPem };
}
