import { mkdir, mkdtemp, readdir, realpath, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { errorText, Problem } from "../../core/problem.js";
import { type PlayedLab, playLab } from "../../lab/lab.js";
import { exitCodes, type Io } from "../io.js";
import { LabText } from "../render/lab.js";
import { styleFor } from "../render/style.js";
import { labInterruption } from "./lab-interruption.js";

export interface LabCommandOptions {
  real?: boolean;
  keep?: boolean;
  directory?: string;
  json?: boolean;
}

export async function runLab(options: LabCommandOptions, io: Io): Promise<number> {
  const directory = await labDirectory(options.directory);
  const signal = labInterruption(io.interrupted);
  let lab: PlayedLab | undefined;
  try {
    lab = await play(options, directory.path, io, signal);
    if (options.keep) await keepRunning(lab, labText(io, directory.path), io, signal);
    return lab.report.ok ? exitCodes.ok : exitCodes.findings;
  } catch (error) {
    if (!signal.aborted) throw error;
    io.err("interrupted: everything the lab started has been stopped\n");
    return exitCodes.couldNotCheck;
  } finally {
    await lab?.stop();
    if (directory.isOurs) await rm(directory.path, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function play({ real = false, json = false }: LabCommandOptions, directory: string, io: Io, signal: AbortSignal) {
  const text = labText(io, directory);
  const say = json ? () => {} : io.out;
  const sayProgress = json && process.stderr.isTTY ? io.err : () => {};
  const lab = await playLab({
    directory,
    executable: await realpath(process.argv[1]!),
    ...(real ? { realPath: io.env.PATH ?? "" } : {}),
    opening: (notices) => say(text.opening(real, notices)),
    tell: (event) => {
      say(text.event(event));
      if (event.type === "scene") sayProgress(`${event.number}. ${event.title}\n`);
    },
    signal,
  });
  io.out(json ? `${JSON.stringify(lab.report, undefined, 2)}\n` : text.summary(lab.report, real));
  return lab;
}

const labText = (io: Io, directory: string): LabText => new LabText(styleFor(io), directory, io.columns);

/** Waits for Ctrl-C. What there is to try goes to stderr, so that --json stays one document. */
async function keepRunning({ world }: PlayedLab, text: LabText, io: Io, signal: AbortSignal): Promise<void> {
  io.err(text.kept(world));
  if (signal.aborted) return;
  await new Promise<void>((resume) => {
    // The services' sockets do not hold the process by themselves while nothing happens.
    const alive = setInterval(() => {}, 60_000);
    signal.addEventListener("abort", () => {
      clearInterval(alive);
      resume();
    });
  });
}

/** Node's own recursion does not come to an end where a file system takes no directories, as /proc does. */
async function makeDirectory(path: string): Promise<void> {
  const above = dirname(path);
  const isThere = await stat(above).then(
    () => true,
    () => false,
  );
  if (!isThere) await makeDirectory(above);
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}

async function labDirectory(wanted: string | undefined): Promise<{ path: string; isOurs: boolean }> {
  if (wanted === undefined) return { path: await mkdtemp(join(tmpdir(), "spire-keylime-lab-")), isOurs: true };
  const path = resolve(wanted);
  const refused = (why: string, cause?: unknown) =>
    new Problem("lab-directory", `cannot set up a lab in ${path}: ${why}`, {
      culprit: "usage",
      hint: "name a new or empty directory",
      cause,
    });
  const held = await makeDirectory(path)
    .then(() => readdir(path))
    .catch((error: unknown) => {
      throw refused(errorText(error), error);
    });
  if (held.length > 0) throw refused("the directory is not empty");
  return { path, isOurs: false };
}
