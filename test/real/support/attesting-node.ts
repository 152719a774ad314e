import { randomUUID } from "node:crypto";
import { type AgentTls, type KeylimeAgent, startKeylimeAgent } from "../../../src/peers/agent/keylime-agent.js";
import { type FieldReportPki, fieldReportPki } from "../../../src/peers/pki/field-report-pki.js";
import { SoftwareTpm } from "../../../src/peers/tpm/software-tpm.js";
import { temporaryDirectory } from "../../support/temporary-directory.js";
import { type EnrolOptions, enrolAtVerifier, untilAttested } from "./enrol.js";
import { type RealKeylime, type RealKeylimeOptions, startRealKeylime } from "./keylime.js";
import { ourPluginBlock } from "./plugin-under-test.js";
import { type SpireAgent, type SpireServer, startSpireAgent, startSpireServer } from "./spire.js";

type PluginValues = Parameters<typeof ourPluginBlock>[1];

export interface AttestingNodeOptions {
  keylime?: Partial<Omit<RealKeylimeOptions, "dir" | "pki">>;
  /** Mutual TLS on the Keylime agent's port, for the verifier and for the agent half; true without. */
  agentMtls?: boolean;
  /** null leaves the node registered but unknown to the verifier. */
  enrol?: EnrolOptions | null;
  /** `plugin_data` of the halves, over what the set-up needs; undefined takes a key out. */
  serverPlugin?: PluginValues;
  agentPlugin?: PluginValues;
  agentTtl?: string;
}

/** A Keylime that knows one machine, and a SPIRE server; the SPIRE agent is started by the test. */
export interface AttestingNode extends AsyncDisposable {
  readonly dir: string;
  readonly pki: FieldReportPki;
  readonly agentId: string;
  readonly tpm: SoftwareTpm;
  readonly keylime: RealKeylime;
  readonly keylimeAgent: KeylimeAgent;
  readonly spireServer: SpireServer;
  /** `spiffe://example.org/spire/agent/keylime/<agent id>` */
  readonly nodeSpiffeId: string;
  startSpireAgent(options?: { moreAgentOptions?: string; waitUntilHealthy?: boolean }): Promise<SpireAgent>;
}

/** Files below the directory: `plugin.crt`, `plugin.key` and `ca-complete-chain.crt` are what both halves present and trust. */
export async function startAttestingNode(options: AttestingNodeOptions = {}): Promise<AttestingNode> {
  const { agentMtls = true, enrol = {} } = options;
  const started = new Started();
  try {
    const dir = started.keep(await temporaryDirectory());
    const pki = await fieldReportPki();
    await dir.write("ca-complete-chain.crt", pki.caCompleteChainPem);
    await dir.write("plugin.crt", pki.plugin.chainPem);
    await dir.write("plugin.key", pki.plugin.keyPem);

    const keylime = started.keep(await startRealKeylime({ dir: dir.path, pki, agentMtls, ...options.keylime }));
    const agentId = randomUUID();
    const tpm = await SoftwareTpm.create();
    const keylimeAgent = await startKeylimeAgent({
      tpm,
      agentId,
      listen: { host: "127.0.0.1", port: 0 },
      registrar: { host: "127.0.0.1", port: keylime.ports.registrarHttp },
      ...(agentMtls ? { tls: agentTls(pki) } : {}),
    });
    started.keep({ [Symbol.asyncDispose]: () => keylimeAgent.stop() });
    await keylimeAgent.register();
    if (enrol !== null) {
      await enrolAtVerifier(keylime, agentId, enrol);
      await untilAttested(keylime, agentId);
    }

    const spireServer = started.keep(
      await startSpireServer({
        dir: dir.path,
        agentTtl: options.agentTtl ?? "1h",
        nodeAttestorBlock: ourPluginBlock("server", {
          ...serverPluginData(dir.path, keylime),
          ...options.serverPlugin,
        }),
      }),
    );
    const agentData = { ...agentPluginData(dir.path, keylimeAgent, agentMtls), ...options.agentPlugin };
    return {
      dir: dir.path,
      pki,
      agentId,
      tpm,
      keylime,
      keylimeAgent,
      spireServer,
      nodeSpiffeId: `spiffe://${spireServer.trustDomain}/spire/agent/keylime/${agentId}`,
      startSpireAgent: async (more) =>
        started.keep(
          await startSpireAgent({
            dir: dir.path,
            server: spireServer,
            nodeAttestorBlock: ourPluginBlock("agent", agentData),
            ...more,
          }),
        ),
      [Symbol.asyncDispose]: () => started.dispose(),
    };
  } catch (error) {
    await started.dispose();
    throw error;
  }
}

/** What the lab's Keylime agent serves and whom it lets ask. */
export function agentTls(pki: FieldReportPki): AgentTls {
  return { certPem: pki.agent.certPem, keyPem: pki.agent.keyPem, trustedClientCaPem: pki.caCompleteChainPem };
}

/** The keys are the field report's own, `…_client_cert_file` included. */
function serverPluginData(dir: string, { ports }: RealKeylime): PluginValues {
  return {
    keylime_verifier_host: "127.0.0.1",
    keylime_verifier_port: String(ports.verifier),
    keylime_tls_ca_cert_file: `${dir}/ca-complete-chain.crt`,
    keylime_tls_client_cert_file: `${dir}/plugin.crt`,
    keylime_tls_client_key_file: `${dir}/plugin.key`,
    keylime_registrar_port: String(ports.registrarTls),
  };
}

function agentPluginData(dir: string, { address }: KeylimeAgent, agentMtls: boolean): PluginValues {
  const tls = {
    keylime_agent_ca_cert_file: `${dir}/ca-complete-chain.crt`,
    keylime_agent_client_cert_file: `${dir}/plugin.crt`,
    keylime_agent_client_key_file: `${dir}/plugin.key`,
  };
  return {
    keylime_agent_host: address.host,
    keylime_agent_port: String(address.port),
    ...(agentMtls ? tls : {}),
  };
}

/** What was started, stopped in the opposite order; one that fails to stop does not keep the others running. */
class Started {
  private readonly parts: AsyncDisposable[] = [];

  keep<T extends AsyncDisposable>(part: T): T {
    this.parts.push(part);
    return part;
  }

  async dispose(): Promise<void> {
    const failures: unknown[] = [];
    for (const part of this.parts.splice(0).reverse()) {
      await Promise.resolve(part[Symbol.asyncDispose]()).catch((failure: unknown) => failures.push(failure));
    }
    if (failures.length > 0) throw new AggregateError(failures, "cannot stop everything that was started");
  }
}
