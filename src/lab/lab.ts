import type { Logger } from "../core/logger.js";
import { errorText } from "../core/problem.js";
import { CriteriaSeen } from "./criteria.js";
import { type EmbeddedWorld, startEmbeddedWorld } from "./embedded-world.js";
import { labFiles } from "./lab-files.js";
import { attestWithSameFile } from "./scenes/attest-with-same-file.js";
import { enrolMachine } from "./scenes/enrol-machine.js";
import { failAsReported } from "./scenes/fail-as-reported.js";
import { refuseFailedMachine } from "./scenes/refuse-failed-machine.js";
import { rotateWhileRunning } from "./scenes/rotate-while-running.js";
import type { Outcome, Scene, Stage } from "./stage.js";
import { StandInSpire } from "./stand-in-spire.js";
import type { LabReport, Part, StoryEvent, Tell } from "./story.js";

export interface LabOptions {
  /** An existing, empty directory for configuration and certificates. */
  directory: string;
  /** This program's own executable file. */
  executable: string;
  tell: Tell;
  logger: Logger;
  signal: AbortSignal;
}

/** A lab whose scenes have been played and whose services still run. */
export interface PlayedLab {
  report: LabReport;
  world: EmbeddedWorld;
  /** Unloads the plugins and stops the services. */
  close(): Promise<void>;
}

const scenes: readonly Scene[] = [
  enrolMachine,
  failAsReported,
  attestWithSameFile,
  rotateWhileRunning,
  refuseFailedMachine,
];

/** Plays the field report's story on the embedded services. Plugins are real processes, loaded over SPIRE's protocol. */
export async function playLab(options: LabOptions): Promise<PlayedLab> {
  const startedAtMs = performance.now();
  const world = await startEmbeddedWorld(labFiles(options.directory), options.logger);
  const events: StoryEvent[] = [];
  const stage: Stage = {
    world,
    spire: await StandInSpire.start("funlab.casa"),
    criteria: new CriteriaSeen(),
    tell: (event) => {
      events.push(event);
      options.tell(event);
    },
    executable: options.executable,
    pair: {},
    signal: options.signal,
  };
  const close = async () => {
    for (const half of Object.values(stage.pair)) await half.unload();
    await world.close();
  };
  try {
    const played: LabReport["scenes"] = [];
    for (const [index, scene] of scenes.entries()) {
      options.signal.throwIfAborted();
      played.push(await playScene(scene, index + 1, stage, events));
    }
    const criteria = stage.criteria.list();
    const ok = played.every(({ asExpected }) => asExpected) && criteria.every(({ met }) => met);
    const report: LabReport = {
      schema: "spire-keylime/lab/v1",
      ok,
      directory: options.directory,
      parts: partsOf(world),
      scenes: played,
      criteria,
      elapsed_ms: Math.round(performance.now() - startedAtMs),
    };
    return { report, world, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function playScene(
  scene: Scene,
  number: number,
  stage: Stage,
  events: StoryEvent[],
): Promise<LabReport["scenes"][number]> {
  const from = events.length;
  stage.tell({ type: "scene", number, title: scene.title });
  const outcome: Outcome = await scene.play(stage).catch((error: unknown) => {
    stage.signal.throwIfAborted();
    return { asExpected: false, text: errorText(error) };
  });
  stage.tell({ type: "outcome", ...outcome });
  const { asExpected, text } = outcome;
  return { number, title: scene.title, asExpected, outcome: text, events: events.slice(from) };
}

function partsOf({ verifier, registrar, agent }: EmbeddedWorld): Part[] {
  const at = ({ host, port }: { host: string; port: number }) => `${host}:${port}`;
  return [
    { name: "both plugin halves", kind: "real", detail: "this executable, loaded over SPIRE's plugin protocol" },
    { name: "TLS on every leg", kind: "real", detail: "mutual TLS over TCP, certificates of a two-level PKI" },
    { name: "Go plugin of the report", kind: "embedded", detail: "a process that imitates its measured behaviour" },
    { name: "SPIRE server and agent", kind: "embedded", detail: "a plugin host with an agent list and an SVID issuer" },
    { name: "Keylime verifier", kind: "embedded", detail: at(verifier.address) },
    { name: "Keylime registrar", kind: "embedded", detail: at(registrar.httpsAddress) },
    { name: "Keylime agent", kind: "embedded", detail: at(agent.address) },
    { name: "TPM", kind: "embedded", detail: "in software; its quotes are real TPM 2.0 structures" },
  ];
}
