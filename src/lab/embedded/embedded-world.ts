import { silentLogger } from "../../core/logger.js";
import { type FieldReportPki, fieldReportPki } from "../../peers/pki/field-report-pki.js";
import { Started } from "../../peers/real/started.js";
import { startRegistrar } from "../../peers/registrar/registrar.js";
import type { HandshakeStory } from "../../peers/tls-server/story.js";
import { startVerifier } from "../../peers/verifier/verifier.js";
import { labAdmin } from "../lab-admin.js";
import { keylimeCommands, ownCommands } from "../lab-commands.js";
import { writeLabFiles } from "../lab-files.js";
import type { LabPorts } from "../lab-ports.js";
import { startMachine } from "../machine.js";
import type { Part } from "../report-schema.js";
import type { World, WorldOptions } from "../world.js";
import { EmbeddedSpire } from "./embedded-spire.js";
import { presentedSerial } from "./wire.js";

/** Kept for the scenes; what the machine's own polling adds beyond it is forgotten. */
const keptHandshakes = 200;

/** Everything within this process, save the two plugin halves. */
export async function startEmbeddedWorld(options: WorldOptions): Promise<World> {
  const { files, ports, executable, signal } = options;
  const pki = await fieldReportPki();
  const started = new Started();
  try {
    const handshakes = await startEmbeddedKeylime(pki, ports, started);
    const { tpm, agentId, keylimeAgent } = await startMachine(pki, files, ports, started);
    await writeLabFiles(files, pki, ports);
    const takeHandshakes = () => handshakes.splice(0);
    const spire = started.keep(await EmbeddedSpire.start({ files, takeHandshakes, signal }));
    const world = { files, ports, pki, agentId, tpm, keylimeAgent, spire };
    return {
      ...world,
      keylime: labAdmin(pki, ports),
      parts: () => parts(ports),
      presented: ({ serial }) => {
        const seen = spire.lastHandshakes.some((story) => presentedSerial(story) === serial);
        return seen ? `serial ${serial} was presented to the verifier` : undefined;
      },
      commands: () => [...keylimeCommands(world), ...ownCommands(world, executable)],
      stop: () => started.stop(),
    };
  } catch (error) {
    await started.stop();
    throw error;
  }
}

/** Returns the handshakes at the verifier's port as they come in. */
async function startEmbeddedKeylime(pki: FieldReportPki, ports: LabPorts, started: Started): Promise<HandshakeStory[]> {
  const handshakes: HandshakeStory[] = [];
  const trust = pki.caCompleteChainPem;
  const tls = ({ chainPem, keyPem }: { chainPem: string; keyPem: string }) => ({
    certPem: chainPem,
    keyPem,
    trustedClientCaPem: trust,
  });
  started.keep(
    await startRegistrar({
      http: local(ports.registrarHttp),
      https: local(ports.registrarTls),
      tls: tls(pki.registrar),
      logger: silentLogger,
    }),
  );
  started.keep(
    await startVerifier({
      ...local(ports.verifier),
      tls: tls(pki.verifier),
      onHandshake: (story) => {
        handshakes.push(story);
        if (handshakes.length > keptHandshakes) handshakes.shift();
      },
      clientTls: { certPem: pki.verifier.chainPem, keyPem: pki.verifier.keyPem, trustedServerCaPem: trust },
      quoteIntervalMs: 500,
      logger: silentLogger,
    }),
  );
  return handshakes;
}

const local = (port: number) => ({ host: "127.0.0.1", port });

function parts(ports: LabPorts): Part[] {
  return [
    { name: "plugin, both halves", kind: "real", detail: "this executable, loaded over SPIRE's plugin protocol" },
    { name: "TLS on every leg", kind: "real", detail: "mutual TLS over TCP, certificates of a two-level PKI" },
    { name: "the report's Go plugin", kind: "embedded", detail: "a process that imitates its measured behaviour" },
    { name: "SPIRE server and agent", kind: "embedded", detail: "a plugin host with an agent list and an SVID issuer" },
    { name: "Keylime verifier", kind: "embedded", detail: `127.0.0.1:${ports.verifier}` },
    { name: "Keylime registrar", kind: "embedded", detail: `127.0.0.1:${ports.registrarTls}` },
    { name: "Keylime agent", kind: "embedded", detail: `127.0.0.1:${ports.keylimeAgent}` },
    { name: "TPM", kind: "embedded", detail: "in software; its quotes are TPM 2.0 structures that Keylime accepts" },
  ];
}
