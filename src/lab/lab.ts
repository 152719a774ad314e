import { errorText } from "../core/problem.js";
import { CriteriaSeen } from "./criteria.js";
import { startEmbeddedWorld } from "./embedded/embedded-world.js";
import { labRootVariable } from "./imitated-go-plugin.js";
import { installPlugin, labFiles } from "./lab-files.js";
import { chooseLabPorts } from "./lab-ports.js";
import { findRealPrograms } from "./real/real-programs.js";
import { startRealWorld } from "./real/real-world.js";
import type { LabReport, StoryEvent, Tell } from "./report-schema.js";
import type { Outcome, Scene, Stage } from "./scene.js";
import { attestWithSameFile } from "./scenes/attest-with-same-file.js";
import { enrolMachine } from "./scenes/enrol-machine.js";
import { failAsReported } from "./scenes/fail-as-reported.js";
import { refuseFailedMachine } from "./scenes/refuse-failed-machine.js";
import { rotateWhileRunning } from "./scenes/rotate-while-running.js";
import type { World, WorldOptions } from "./world.js";

export interface LabOptions {
  /** An existing, empty directory for configuration, certificates and data. */
  directory: string;
  /** This program's own executable file. */
  executable: string;
  /** The PATH on which spire-server, spire-agent, keylime_verifier and keylime_registrar are; embedded without. */
  realPath?: string;
  tell: Tell;
  /** Told before anything is started, with what is not as in a usual installation. */
  opening(notices: readonly string[]): void;
  signal: AbortSignal;
}

/** A lab whose scenes have been played and whose services still run. */
export interface PlayedLab {
  report: LabReport;
  world: World;
  /** Unloads the plugins and stops the services. */
  stop(): Promise<void>;
}

/**
 * Plays the field report's story. Plugins are real processes, loaded over SPIRE's protocol.
 * @throws Problem when the set-up fails, the signal's reason when interrupted; everything has been stopped then
 */
export async function playLab(options: LabOptions): Promise<PlayedLab> {
  const startedAtMs = performance.now();
  const { world, notices } = await startWorld(options);
  const stop = () => world.stop();
  try {
    const { scenes, criteria } = await playScenes(world, options);
    const report: LabReport = {
      schema: "spire-keylime/lab/v1",
      ok: scenes.every(({ as_expected }) => as_expected) && criteria.every(({ met }) => met),
      directory: options.directory,
      notices,
      parts: world.parts(),
      scenes,
      criteria,
      elapsed_ms: Math.round(performance.now() - startedAtMs),
    };
    return { report, world, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startWorld(options: LabOptions): Promise<{ world: World; notices: string[] }> {
  const { directory, executable, realPath, signal, opening } = options;
  const programs = realPath === undefined ? undefined : findRealPrograms(realPath);
  const files = labFiles(directory);
  const { ports, notices } = await chooseLabPorts({ isReal: programs !== undefined });
  opening(notices);
  // What the report's server.conf names is first the stand-in for the Go plugin.
  const imitation = { executable, args: ["lab", "imitate-go-plugin"], env: { [labRootVariable]: directory } };
  await installPlugin(files.spireServer.plugin, imitation);
  await installPlugin(files.spireAgent.plugin, { executable, args: ["plugin", "agent"] });
  const worldOptions: WorldOptions = { files, ports, executable, signal };
  const starting = programs === undefined ? startEmbeddedWorld(worldOptions) : startRealWorld(worldOptions, programs);
  return { world: await starting, notices };
}

async function playScenes(world: World, { executable, tell, signal }: LabOptions) {
  const events: StoryEvent[] = [];
  const stage: Stage = {
    world,
    criteria: new CriteriaSeen(),
    tell: (event) => {
      events.push(event);
      tell(event);
    },
    signal,
  };
  const all: Scene[] = [
    enrolMachine,
    failAsReported,
    attestWithSameFile(executable),
    rotateWhileRunning,
    refuseFailedMachine,
  ];
  const scenes: LabReport["scenes"] = [];
  for (const [index, scene] of all.entries()) {
    signal.throwIfAborted();
    scenes.push(await playScene(scene, index + 1, stage, events));
  }
  return { scenes, criteria: stage.criteria.list() };
}

async function playScene(
  scene: Scene,
  number: number,
  stage: Stage,
  events: StoryEvent[],
): Promise<LabReport["scenes"][number]> {
  const from = events.length;
  const { title } = scene;
  stage.tell({ type: "scene", number, title });
  const outcome: Outcome = await scene.play(stage).catch((error: unknown) => {
    stage.signal.throwIfAborted();
    return { asExpected: false, text: errorText(error) };
  });
  const { asExpected, text, why = null } = outcome;
  stage.tell({ type: "outcome", as_expected: asExpected, text, why });
  return { number, title, as_expected: asExpected, outcome: text, why, events: events.slice(from) };
}
