import { constants } from "node:fs";
import { chmod, chown, copyFile, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { errorText, Problem } from "../../core/problem.js";

/**
 * Replaces a file's text in one step, keeping owner and mode, with a backup beside it. A file that is no longer what was
 * read stays as it is.
 * @returns the path of the backup
 * @throws Problem `file-changed` or `file-not-written`; the file is as it was then
 */
export async function replaceFile(path: string, before: string, after: string, nowMs: number): Promise<string> {
  try {
    // What a symbolic link names is replaced, not the link.
    const target = await realpath(path);
    if ((await readFile(target, "utf8")) !== before) throw changed(path);
    const backup = `${target}.bak-${timeText(nowMs)}`;
    await copyFile(target, backup, constants.COPYFILE_EXCL);
    await takeOver(target, backup);
    await writeBeside(target, after);
    return backup;
  } catch (error) {
    if (error instanceof Problem) throw error;
    const hint = "run it as a user that may write there";
    const message = `cannot write ${JSON.stringify(path)}: ${errorText(error)}`;
    throw new Problem("file-not-written", message, { culprit: "configuration", cause: error, hint });
  }
}

async function writeBeside(target: string, text: string): Promise<void> {
  const beside = `${target}.new-${process.pid}`;
  try {
    const handle = await open(beside, "wx", 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await takeOver(target, beside);
    await rename(beside, target);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/** Owner first: a change of owner takes set-id bits away. */
async function takeOver(from: string, to: string): Promise<void> {
  const { uid, gid, mode } = await stat(from);
  const own = await stat(to);
  if (own.uid !== uid || own.gid !== gid) await chown(to, uid, gid);
  await chmod(to, mode & 0o7777);
}

const timeText = (ms: number): string => new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, "");

const changed = (path: string): Problem =>
  new Problem("file-changed", `${JSON.stringify(path)} was changed since it was read`, {
    culprit: "usage",
    hint: "run the doctor again",
  });
