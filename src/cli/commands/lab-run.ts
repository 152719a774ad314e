import { mkdir, mkdtemp, readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { silentLogger } from "../../core/logger.js";
import { Problem } from "../../core/problem.js";
import { type PlayedLab, playLab } from "../../lab/lab.js";
import { exitCodes, type Io } from "../io.js";
import { keptLabText, labSummaryText, storyEventText } from "../render/lab.js";
import { styleFor } from "../render/style.js";

export interface LabCommandOptions {
  keep?: boolean;
  directory: string;
  json?: boolean;
}

export async function runLab(options: LabCommandOptions, io: Io): Promise<number> {
  const style = styleFor(io);
  const directory = await labDirectory(options.directory);
  let lab: PlayedLab | undefined;
  try {
    lab = await playLab({
      directory: directory.path,
      executable: await realpath(process.argv[1]!),
      tell: options.json ? () => {} : (event) => io.out(storyEventText(event, style)),
      logger: silentLogger,
      signal: io.interrupted,
    });
    io.out(options.json ? `${JSON.stringify(lab.report, undefined, 2)}\n` : labSummaryText(lab.report, style));
    if (options.keep) await keepRunning(lab, io);
    return lab.report.ok ? exitCodes.ok : exitCodes.findings;
  } catch (error) {
    if (!io.interrupted.aborted) throw error;
    io.err("interrupted: everything the lab started has been stopped\n");
    return exitCodes.couldNotCheck;
  } finally {
    await lab?.close();
    if (directory.isOurs) await rm(directory.path, { recursive: true, force: true });
  }
}

/** Waits for Ctrl-C. What there is to try goes to stderr, so that --json stays one document. */
async function keepRunning({ world }: PlayedLab, io: Io): Promise<void> {
  io.err(keptLabText(world));
  if (io.interrupted.aborted) return;
  await new Promise<void>((resume) => {
    // The services' sockets do not hold the process by themselves while nothing happens.
    const alive = setInterval(() => {}, 60_000);
    io.interrupted.addEventListener("abort", () => {
      clearInterval(alive);
      resume();
    });
  });
}

const noDirectory = "a new temporary directory";

async function labDirectory(wanted: string): Promise<{ path: string; isOurs: boolean }> {
  if (wanted === noDirectory) return { path: await mkdtemp(join(tmpdir(), "spire-keylime-lab-")), isOurs: true };
  const path = resolve(wanted);
  await mkdir(path, { recursive: true });
  if ((await readdir(path)).length > 0) {
    throw new Problem("lab-directory", `cannot set up a lab in ${path}: the directory is not empty`, {
      culprit: "usage",
      hint: "name a new or empty directory",
    });
  }
  return { path, isOurs: false };
}
