import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Problem } from "../../core/problem.js";
import { type FieldReportPki, fieldReportPki } from "../../peers/pki/field-report-pki.js";
import { type RealKeylime, startRealKeylime } from "../../peers/real/keylime.js";
import { Started } from "../../peers/real/started.js";
import { labAdmin } from "../lab-admin.js";
import { keylimeCommands, ownCommands, spireCommands } from "../lab-commands.js";
import { writeLabFiles } from "../lab-files.js";
import { startMachine } from "../machine.js";
import type { Part } from "../report-schema.js";
import type { World, WorldOptions } from "../world.js";
import type { RealPrograms } from "./real-programs.js";
import { RealSpire } from "./real-spire.js";

/** The same set-up on spire-server, spire-agent, keylime_verifier and keylime_registrar. */
export async function startRealWorld(options: WorldOptions, programs: RealPrograms): Promise<World> {
  const { files, ports, executable, signal } = options;
  // The longest of all: our plugin's socket in go-plugin's directory, process id and random digits included.
  refuseLongSockets(join(files.temporary, "plugin0123456789/plugin-n4194304-0123456789ab"));
  await mkdir(files.temporary, { recursive: true });
  const pki = await fieldReportPki();
  const started = new Started();
  try {
    await writeLabFiles(files, pki, ports);
    const keylime = started.keep(await startKeylime(options, programs, pki));
    const { tpm, agentId, keylimeAgent } = await startMachine(pki, files, ports, started);
    const spire = started.keep(new RealSpire({ programs, files, port: ports.spireServer, signal }));
    const world = { files, ports, pki, agentId, tpm, keylimeAgent, spire };
    return {
      ...world,
      keylime: { ...labAdmin(pki, ports), logs: () => keylime.logs() },
      parts: () => parts(programs, options),
      presented: ({ commonName }) => {
        const granted = `identity=${commonName},`;
        const line = keylime
          .verifierLog()
          .split("\n")
          .find((each) => each.includes(granted));
        return line === undefined ? undefined : `the verifier's log: ${line.slice(line.indexOf("Authorization"))}`;
      },
      commands: () => [...spireCommands(world, programs), ...keylimeCommands(world), ...ownCommands(world, executable)],
      stop: () => started.stop(),
    };
  } catch (error) {
    await started.stop();
    throw error;
  }
}

function startKeylime(
  { files, ports, signal }: WorldOptions,
  { verifier, registrar }: RealPrograms,
  pki: FieldReportPki,
): Promise<RealKeylime> {
  const { root, keylimeWork, certs, keylimeConfig } = files;
  return startRealKeylime({
    dir: root,
    layout: { workDir: keylimeWork, tlsDir: certs, configDir: keylimeConfig },
    programs: { verifier, registrar },
    ports,
    pki,
    signal,
  });
}

/** A UNIX socket's path has 107 bytes, and SPIRE's error for a longer one does not say so. */
function refuseLongSockets(path: string): void {
  if (Buffer.byteLength(path) <= 107) return;
  throw new Problem("lab-directory", `SPIRE's socket ${path} would have a path of more than 107 bytes`, {
    culprit: "usage",
    hint: "name a --directory with a shorter path",
  });
}

function parts({ spireServer, spireAgent, verifier, registrar }: RealPrograms, { ports }: WorldOptions): Part[] {
  return [
    { name: "plugin, both halves", kind: "real", detail: "this executable, started by spire-server and spire-agent" },
    { name: "SPIRE server", kind: "real", detail: `${spireServer}, 127.0.0.1:${ports.spireServer}` },
    { name: "SPIRE agent", kind: "real", detail: spireAgent },
    { name: "Keylime verifier", kind: "real", detail: `${verifier}, 127.0.0.1:${ports.verifier}` },
    { name: "Keylime registrar", kind: "real", detail: `${registrar}, 127.0.0.1:${ports.registrarTls}` },
    {
      name: "TLS on every leg",
      kind: "real",
      detail: "its messages are not shown: TLS 1.3 encrypts them, and a real verifier tells nothing of them",
    },
    { name: "the report's Go plugin", kind: "embedded", detail: "a process that imitates its measured behaviour" },
    { name: "Keylime agent", kind: "embedded", detail: `127.0.0.1:${ports.keylimeAgent}` },
    { name: "TPM", kind: "embedded", detail: "in software; its quotes are TPM 2.0 structures that Keylime accepts" },
  ];
}
