import { randomUUID } from "node:crypto";
import type { Logger } from "../core/logger.js";
import { type KeylimeAgent, startKeylimeAgent } from "../peers/agent/keylime-agent.js";
import { type FieldReportPki, fieldReportPki } from "../peers/pki/field-report-pki.js";
import { type EmbeddedRegistrar, startRegistrar } from "../peers/registrar/registrar.js";
import type { HandshakeStory } from "../peers/tls-server/story.js";
import { SoftwareTpm } from "../peers/tpm/software-tpm.js";
import { type EmbeddedVerifier, startVerifier } from "../peers/verifier/verifier.js";
import { type LabFiles, writeLabFiles } from "./lab-files.js";
import { preferredPort } from "./preferred-port.js";

/** One machine with Keylime on it, and SPIRE's configuration beside it: the set-up of the field report. */
export interface EmbeddedWorld {
  files: LabFiles;
  pki: FieldReportPki;
  agentId: string;
  tpm: SoftwareTpm;
  agent: KeylimeAgent;
  registrar: EmbeddedRegistrar;
  verifier: EmbeddedVerifier;
  /** Takes what the verifier's port saw on the wire since the last call, oldest first. */
  takeHandshakes(): HandshakeStory[];
  close(): Promise<void>;
}

/** Kept for the scenes; what the machine's own polling adds beyond it is forgotten. */
const keptHandshakes = 200;

export async function startEmbeddedWorld(files: LabFiles, logger: Logger): Promise<EmbeddedWorld> {
  const pki = await fieldReportPki();
  const handshakes: HandshakeStory[] = [];
  const serverTls = ({ chainPem, keyPem }: { chainPem: string; keyPem: string }) => ({
    certPem: chainPem,
    keyPem,
    trustedClientCaPem: pki.caCompleteChainPem,
  });
  const local = async (port: number) => ({ host: "127.0.0.1", port: await preferredPort(port) });
  const started: { stop(): Promise<void> }[] = [];
  const keep = <T extends { stop(): Promise<void> }>(service: T): T => {
    started.unshift(service);
    return service;
  };
  const close = async () => {
    for (const service of started.splice(0)) await service.stop();
  };
  try {
    const registrar = keep(
      await startRegistrar({
        http: await local(8890),
        https: await local(8891),
        tls: serverTls(pki.registrar),
        logger,
      }),
    );
    const verifier = keep(
      await startVerifier({
        ...(await local(8881)),
        tls: serverTls(pki.verifier),
        onHandshake: (story) => {
          handshakes.push(story);
          if (handshakes.length > keptHandshakes) handshakes.shift();
        },
        clientTls: {
          certPem: pki.verifier.chainPem,
          keyPem: pki.verifier.keyPem,
          trustedServerCaPem: pki.caCompleteChainPem,
        },
        quoteIntervalMs: 500,
        logger,
      }),
    );
    const tpm = await SoftwareTpm.create();
    const agentId = randomUUID();
    const agent = keep(
      await startKeylimeAgent({
        tpm,
        agentId,
        listen: await local(9002),
        registrar: registrar.httpAddress,
        tls: { certPem: pki.agent.certPem, keyPem: pki.agent.keyPem, trustedClientCaPem: pki.caCompleteChainPem },
        logger,
      }),
    );
    await writeLabFiles(files, pki, {
      verifierPort: verifier.address.port,
      registrarPort: registrar.httpsAddress.port,
      agentPort: agent.address.port,
    });
    return { files, pki, agentId, tpm, agent, registrar, verifier, takeHandshakes: () => handshakes.splice(0), close };
  } catch (error) {
    await close();
    throw error;
  }
}
