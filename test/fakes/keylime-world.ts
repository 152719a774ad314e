import { randomUUID } from "node:crypto";
import { type Logger, silentLogger } from "../../src/core/logger.js";
import { type KeylimeAgent, type KeylimeAgentOptions, startKeylimeAgent } from "../../src/peers/agent/keylime-agent.js";
import { type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { type EmbeddedRegistrar, type RegistrarOptions, startRegistrar } from "../../src/peers/registrar/registrar.js";
import { SoftwareTpm } from "../../src/peers/tpm/software-tpm.js";
import { type EmbeddedVerifier, startVerifier, type VerifierOptions } from "../../src/peers/verifier/verifier.js";
import { askersOf, type PeerAnswer } from "../contract/contract-peers.js";
import { enrolmentBody } from "../contract/enrolment.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { until } from "../support/until.js";

/** One machine with the embedded Keylime around it, and the files and plugin_data that a plugin pair needs for it. */
export interface KeylimeWorld extends AsyncDisposable {
  readonly pki: FieldReportPki;
  readonly directory: TemporaryDirectory;
  readonly agentId: string;
  readonly tpm: SoftwareTpm;
  readonly agent: KeylimeAgent;
  readonly registrar: EmbeddedRegistrar;
  readonly verifier: EmbeddedVerifier;
  readonly files: { ca: string; cert: string; key: string };
  /** Everything that a half needs to attest here; undefined removes a key. */
  serverData(changes?: PluginValues): string;
  agentData(changes?: PluginValues): string;
  /** Adds the machine to the verifier and waits for its first good round. */
  enrol(changes?: Record<string, unknown>): Promise<void>;
}

export type PluginValues = Record<string, string | boolean | readonly string[] | undefined>;

export interface WorldOptions {
  /** One of its own when not given. */
  pki?: FieldReportPki;
  /** Mutual TLS on the Keylime agent's port; true when not given. */
  agentMtls?: boolean;
  /** Let the Keylime agent register; true when not given. */
  registered?: boolean;
  /** Enrol the machine; true when not given. */
  enrolled?: boolean;
  verifier?: Partial<VerifierOptions>;
  registrar?: Partial<RegistrarOptions>;
  agent?: Partial<KeylimeAgentOptions>;
  logger?: Logger;
}

/** Long, so that a planted entry is not overwritten by the next round. */
const quoteIntervalMs = 60_000;
const local = { host: "127.0.0.1", port: 0 };

export async function startKeylimeWorld(options: WorldOptions = {}): Promise<KeylimeWorld> {
  const { agentMtls = true, enrolled = true, logger = silentLogger } = options;
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    const pki = options.pki ?? (await fieldReportPki());
    const trust = pki.caCompleteChainPem;
    const directory = await temporaryDirectory("world");
    stops.push(async () => directory[Symbol.asyncDispose]());
    const tls = ({ chainPem, keyPem }: { chainPem: string; keyPem: string }) => ({
      certPem: chainPem,
      keyPem,
      trustedClientCaPem: trust,
    });
    const registrar = await startRegistrar({
      http: local,
      https: local,
      tls: tls(pki.registrar),
      logger,
      ...options.registrar,
    });
    stops.push(() => registrar.stop());
    const verifier = await startVerifier({
      ...local,
      tls: tls(pki.verifier),
      clientTls: { certPem: pki.verifier.chainPem, keyPem: pki.verifier.keyPem, trustedServerCaPem: trust },
      enableAgentMtls: agentMtls,
      quoteIntervalMs,
      logger,
      ...options.verifier,
    });
    stops.push(() => verifier.stop());
    const tpm = await SoftwareTpm.create({ ek: "ecc256", ak: "ecc256" });
    const agent = await startKeylimeAgent({
      tpm,
      agentId: randomUUID(),
      listen: local,
      registrar: registrar.httpAddress,
      ...(agentMtls
        ? { tls: { certPem: pki.agent.certPem, keyPem: pki.agent.keyPem, trustedClientCaPem: trust } }
        : {}),
      logger,
      ...options.agent,
    });
    stops.push(() => agent.stop());
    if (options.registered !== false) await agent.register();
    const files = {
      ca: await directory.write("ca.crt", trust),
      cert: await directory.write("plugin.crt", pki.plugin.chainPem),
      key: await directory.write("plugin.key", pki.plugin.keyPem),
    };
    const peers = { pki, directory, agentId: agent.agentId, tpm, agent, registrar, verifier, files };
    const world: KeylimeWorld = {
      ...peers,
      serverData: (changes = {}) =>
        pluginData({
          keylime_verifier_port: String(verifier.address.port),
          keylime_registrar_port: String(registrar.httpsAddress.port),
          keylime_tls_ca_cert_file: files.ca,
          keylime_tls_cert_file: files.cert,
          keylime_tls_key_file: files.key,
          ...changes,
        }),
      agentData: (changes = {}) =>
        pluginData({
          keylime_agent_port: String(agent.address.port),
          ...(agentMtls
            ? {
                keylime_agent_ca_cert_file: files.ca,
                keylime_agent_client_cert_file: files.cert,
                keylime_agent_client_key_file: files.key,
              }
            : {}),
          ...changes,
        }),
      enrol: (changes) => enrol(world, changes, options.verifier?.apiVersions?.at(-1)),
      [Symbol.asyncDispose]: stop,
    };
    if (enrolled) await world.enrol();
    return world;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `key = value` lines as HCL; JSON's strings and lists are HCL's. */
export function pluginData(values: PluginValues): string {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    .join("");
}

async function enrol(world: KeylimeWorld, changes: Record<string, unknown> = {}, version = "2.6"): Promise<void> {
  const { verifier, registrar, pki, agentId } = world;
  const ask = askersOf({
    verifier: verifier.address,
    registrar: { http: registrar.httpAddress, https: registrar.httpsAddress },
    caPem: pki.caCompleteChainPem,
    admin: pki.tenant,
  });
  const path = `/v${version}/agents/${agentId}`;
  const { ip, port, mtls_cert, aik_tpm } = resultsOf(await ask.registrar(path));
  const json = enrolmentBody({
    cloudagent_ip: ip,
    cloudagent_port: port,
    mtls_cert,
    ak_tpm: aik_tpm,
    mb_refstate: null,
    metadata: JSON.stringify({ rack: "7", site: "lab" }),
    ...changes,
  });
  resultsOf(await ask.verifier(path, { method: "POST", json }));
  await until(() => (verifier.agent(agentId)?.attestationCount ?? 0) > 0, {
    what: "the first good round",
    intervalMs: 10,
    evidence: () => JSON.stringify(verifier.agent(agentId)),
  });
}

function resultsOf({ status, text, json }: PeerAnswer): Record<string, unknown> {
  if (status !== 200) throw new Error(`the peer answered ${status}: ${text}`);
  return (json as { results: Record<string, unknown> }).results;
}
