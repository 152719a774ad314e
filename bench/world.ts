import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { silentLogger } from "../src/core/logger.js";
import { startKeylimeAgent } from "../src/peers/agent/keylime-agent.js";
import { type FieldReportPki, fieldReportPki } from "../src/peers/pki/field-report-pki.js";
import type { KeyType } from "../src/peers/pki/key-pair.js";
import { startRealKeylime } from "../src/peers/real/keylime.js";
import { startRegistrar } from "../src/peers/registrar/registrar.js";
import { SoftwareTpm } from "../src/peers/tpm/software-tpm.js";
import { startVerifier } from "../src/peers/verifier/verifier.js";
import { peerProgram } from "./peer-program.js";

/** One enrolled machine, and the plugin_data with which a pair attests it. */
export interface BenchNode {
  agentId: string;
  serverData: string;
  agentData: string;
  verifier: { host: string; port: number };
  registrar: { host: string; port: number };
  keylimeAgent: { host: string; port: number };
}

export interface World {
  /** Mutual TLS to the Keylime agent; absent with the real Keylime, which is set up once, for agents of either kind. */
  mtls?: BenchNode;
  /** Plain HTTP to the Keylime agent, which is all that some pairs speak. */
  plain: BenchNode;
  files: { ca: string; cert: string; key: string };
  backend: string;
  stop(): Promise<void>;
}

export interface WorldOptions {
  isReal: boolean;
  /** Of every certificate: what a handshake costs depends on it. */
  keyType: KeyType;
  /** 8000 without. */
  quoteIntervalMs?: number;
}

interface KeylimeAddresses {
  verifier: { host: string; port: number };
  registrarHttp: { host: string; port: number };
  registrar: { host: string; port: number };
}

const local = { host: "127.0.0.1", port: 0 };
/** Long, so that Keylime's own polling takes little of the measurement's time. */
const longQuoteIntervalMs = 8000;
/** GET_QUOTE: for the first interval after the first quote a node is in PROVIDE_V, in which some plugins refuse it. */
const stateGetQuote = 3;

/** Starts Keylime, embedded or real, and enrols one machine for each way its agent can be reached. */
export async function startWorld(directory: string, options: WorldOptions): Promise<World> {
  const { isReal, keyType, quoteIntervalMs = longQuoteIntervalMs } = options;
  const pki = await fieldReportPki({ keyType });
  await mkdir(directory, { recursive: true });
  const files = {
    ca: join(directory, "ca.crt"),
    cert: join(directory, "plugin.crt"),
    key: join(directory, "plugin.key"),
  };
  await writeFile(files.ca, pki.caCompleteChainPem);
  await writeFile(files.cert, pki.plugin.chainPem);
  await writeFile(files.key, pki.plugin.keyPem, { mode: 0o600 });
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  const start = isReal ? startReal : startEmbedded;
  try {
    const ofKind = async (isMtls: boolean) => {
      const keylime = await start({ directory, pki, isMtls, quoteIntervalMs, stops });
      return await enrolledNode(keylime, pki, isMtls, files, stops);
    };
    const [plain, mtls] = await Promise.all([ofKind(false), isReal ? undefined : ofKind(true)]);
    const backend = isReal ? "real Keylime" : "embedded Keylime";
    return { plain, ...(mtls === undefined ? {} : { mtls }), files, stop, backend };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface SetUp {
  directory: string;
  pki: FieldReportPki;
  isMtls: boolean;
  quoteIntervalMs: number;
  stops: (() => Promise<void>)[];
}

async function startReal({ directory, pki, isMtls, quoteIntervalMs, stops }: SetUp): Promise<KeylimeAddresses> {
  const keylime = await startRealKeylime({
    programs: { verifier: peerProgram("keylime_verifier"), registrar: peerProgram("keylime_registrar") },
    dir: directory,
    pki,
    agentMtls: isMtls,
    quoteIntervalS: quoteIntervalMs / 1000,
  });
  stops.push(() => keylime.stop());
  const { verifier, registrarHttp, registrarTls } = keylime.ports;
  const at = (port: number) => ({ host: "127.0.0.1", port });
  return { verifier: at(verifier), registrarHttp: at(registrarHttp), registrar: at(registrarTls) };
}

async function startEmbedded({ pki, isMtls, quoteIntervalMs, stops }: SetUp): Promise<KeylimeAddresses> {
  const trust = pki.caCompleteChainPem;
  const tls = ({ chainPem, keyPem }: { chainPem: string; keyPem: string }) => ({
    certPem: chainPem,
    keyPem,
    trustedClientCaPem: trust,
  });
  const registrar = await startRegistrar({ http: local, https: local, tls: tls(pki.registrar), logger: silentLogger });
  stops.push(() => registrar.stop());
  const verifier = await startVerifier({
    ...local,
    tls: tls(pki.verifier),
    clientTls: { certPem: pki.verifier.chainPem, keyPem: pki.verifier.keyPem, trustedServerCaPem: trust },
    enableAgentMtls: isMtls,
    quoteIntervalMs,
    logger: silentLogger,
  });
  stops.push(() => verifier.stop());
  return { verifier: verifier.address, registrarHttp: registrar.httpAddress, registrar: registrar.httpsAddress };
}

async function enrolledNode(
  keylime: KeylimeAddresses,
  pki: FieldReportPki,
  isMtls: boolean,
  files: World["files"],
  stops: (() => Promise<void>)[],
): Promise<BenchNode> {
  const agentId = randomUUID();
  const tls = { certPem: pki.agent.certPem, keyPem: pki.agent.keyPem, trustedClientCaPem: pki.caCompleteChainPem };
  const agent = await startKeylimeAgent({
    tpm: await SoftwareTpm.create(),
    agentId,
    listen: local,
    registrar: keylime.registrarHttp,
    ...(isMtls ? { tls } : {}),
  });
  stops.push(() => agent.stop());
  await agent.register();
  await enrol(keylime, pki, agentId);
  const quoted = (values: Record<string, string | number>) =>
    Object.entries(values)
      .map(([key, value]) => `${key} = ${JSON.stringify(String(value))}\n`)
      .join("");
  return {
    agentId,
    verifier: keylime.verifier,
    registrar: keylime.registrar,
    keylimeAgent: agent.address,
    serverData: quoted({
      keylime_verifier_host: keylime.verifier.host,
      keylime_verifier_port: keylime.verifier.port,
      keylime_registrar_host: keylime.registrar.host,
      keylime_registrar_port: keylime.registrar.port,
      keylime_tls_ca_cert_file: files.ca,
      keylime_tls_cert_file: files.cert,
      keylime_tls_key_file: files.key,
    }),
    agentData: quoted({
      keylime_agent_host: agent.address.host,
      keylime_agent_port: agent.address.port,
      ...(isMtls
        ? {
            keylime_agent_ca_cert_file: files.ca,
            keylime_agent_client_cert_file: files.cert,
            keylime_agent_client_key_file: files.key,
          }
        : {}),
    }),
  };
}

interface Registered {
  ip: string;
  port: number;
  aik_tpm: string;
  mtls_cert: string;
}

/** As `keylime_tenant -c add`, and waits until a quote is accepted and every plugin would admit the node. */
async function enrol({ verifier, registrar }: KeylimeAddresses, pki: FieldReportPki, agentId: string): Promise<void> {
  const ask = adminClient(pki);
  const path = `/v2.5/agents/${agentId}`;
  const record = (await ask(registrar, "GET", path)) as unknown as Registered;
  await ask(verifier, "POST", path, {
    cloudagent_ip: record.ip,
    cloudagent_port: record.port,
    supported_version: "2.5",
    ak_tpm: record.aik_tpm,
    mtls_cert: record.mtls_cert,
    v: null,
    tpm_policy: '{"mask": "0x400"}',
    metadata: "{}",
    runtime_policy: "",
    runtime_policy_key: "",
    ima_sign_verification_keys: "",
    mb_policy: null,
    mb_policy_name: null,
    revocation_key: "",
    accept_tpm_hash_algs: ["sha512", "sha384", "sha256"],
    accept_tpm_encryption_algs: ["ecc", "rsa"],
    accept_tpm_signing_algs: ["ecdsa", "ecschnorr", "rsassa"],
  });
  for (let tries = 0; tries < 300; tries++) {
    const agent = await ask(verifier, "GET", path);
    if (Number(agent.attestation_count) > 0 && agent.operational_state === stateGetQuote) return;
    await pause(100);
  }
  throw new Error(`agent ${agentId} was enrolled, but is not in a verified state after 30 s`);
}

type Ask = (
  at: { host: string; port: number },
  method: string,
  path: string,
  body?: unknown,
) => Promise<Record<string, unknown>>;

function adminClient(pki: FieldReportPki): Ask {
  const agent = new Agent({ ca: pki.caCompleteChainPem, cert: pki.tenant.chainPem, key: pki.tenant.keyPem });
  return ({ host, port }, method, path, body) =>
    new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      const call = request({ agent, host, port, method, path, headers, timeout: 10_000 }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (piece: string) => {
          text += piece;
        });
        answer.on("end", () => {
          if (answer.statusCode !== 200) return reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
          resolve((JSON.parse(text) as { results: Record<string, unknown> }).results);
        });
      });
      call.on("error", reject).on("timeout", () => call.destroy(new Error(`${method} ${path}: no answer`)));
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
}
