import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, readSync, type Stats } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { errorText, Problem, type SourcePosition } from "../core/problem.js";

/** A file an operator configured, or its default. */
export interface NamedFile {
  path: string;
  /** The configuration key that names it, e.g. `keylime_tls_cert_file`. */
  key: string;
  /** The key is not set, so `path` is the default. */
  isDefault: boolean;
  /** Where the key is set. */
  at?: SourcePosition;
}

/** Certificates and keys are a few kilobytes; a CA bundle of a whole organisation stays below this. */
const largestFileBytes = 1024 * 1024;

export interface FileContent {
  bytes: Buffer;
  stats: Stats;
}

/** Reads a configured file whole. Throws a Problem that names the file, its key and, when access is denied, by what. */
export function loadNamedFile(file: NamedFile, what: string): FileContent {
  if (file.path === "")
    throw fileProblem("plugin-missing-file", file, what, "the path is empty", { hint: `set ${file.key} to a file` });
  let descriptor: number;
  try {
    // Without O_NONBLOCK the opening of a FIFO waits for a writer, for ever.
    descriptor = openSync(file.path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw openProblem(file, what, cause);
  }
  try {
    return readWhole(descriptor, file, what);
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw fileProblem("plugin-unreadable-file", file, what, errorText(cause), { cause });
  } finally {
    closeSync(descriptor);
  }
}

function readWhole(descriptor: number, file: NamedFile, what: string): FileContent {
  const stats = fstatSync(descriptor);
  if (!stats.isFile()) {
    const kind = stats.isDirectory() ? "is a directory" : "is not a regular file";
    throw fileProblem("plugin-unreadable-file", file, what, `it ${kind}`, {
      hint: `set ${file.key} to a regular file`,
    });
  }
  const pieces: Buffer[] = [];
  for (let total = 0; ; ) {
    const piece = Buffer.alloc(Math.min(65_536, largestFileBytes + 1 - total));
    const count = readSync(descriptor, piece);
    if (count === 0) return { bytes: Buffer.concat(pieces), stats };
    pieces.push(piece.subarray(0, count));
    total += count;
    if (total > largestFileBytes)
      throw fileProblem("plugin-unreadable-file", file, what, "it is larger than 1 MiB", {
        hint: `is it the right file for ${file.key}?`,
      });
  }
}

function openProblem(file: NamedFile, what: string, cause: unknown): Problem {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR") {
    return fileProblem("plugin-missing-file", file, what, missingText(file.path), { cause, hint: missingHint(file) });
  }
  if (code === "EACCES" || code === "EPERM") {
    const denied = firstObstacle(file.path);
    const why = denied === undefined ? "permission denied" : `permission denied by ${deniedText(denied)}`;
    return fileProblem("plugin-unreadable-file", file, what, why, { cause, hint: deniedHint(file, denied) });
  }
  const why = String(code ?? "").startsWith("ERR_") ? "the path is no file name" : errorText(cause);
  return fileProblem("plugin-unreadable-file", file, what, why, { cause });
}

interface FileProblemExtras {
  hint?: string;
  cause?: unknown;
  at?: SourcePosition;
}

/** A problem of one configured file: `cannot load client key "/a.key" (keylime_tls_key_file): why`. */
export function fileProblem(
  code: string,
  file: NamedFile,
  what: string,
  why: string,
  extras: FileProblemExtras = {},
): Problem {
  const key = file.isDefault ? `default of ${file.key}` : file.key;
  const at = extras.at ?? file.at;
  return new Problem(code, `cannot load ${what} ${JSON.stringify(file.path)} (${key}): ${why}`, {
    culprit: "configuration",
    ...extras,
    ...(at === undefined ? {} : { at }),
  });
}

function missingHint(file: NamedFile): string {
  if (!file.isDefault) return `create it, or correct ${file.key}`;
  return `${file.key} is not set, so its default is used (plugin-default-cert): set it`;
}

function missingText(path: string): string {
  const obstacle = firstObstacle(path);
  if (obstacle === undefined || obstacle.path === resolve(path)) return "no such file";
  if (obstacle.reason === "not-a-directory") return `${JSON.stringify(obstacle.path)} is not a directory`;
  return `${JSON.stringify(obstacle.path)} does not exist`;
}

interface Obstacle {
  path: string;
  reason: "missing" | "not-a-directory" | "no-search" | "no-read";
  stats?: Stats;
}

function deniedText(denied: Obstacle): string {
  const { path, reason, stats } = denied;
  const right = reason === "no-search" ? "no search permission on the directory" : "no read permission on";
  const mode =
    stats === undefined
      ? ""
      : ` (mode ${(stats.mode & 0o7777).toString(8).padStart(4, "0")}, owner ${stats.uid}:${stats.gid})`;
  return `${JSON.stringify(path)}${mode}: user ${process.geteuid?.() ?? "?"} has ${right} ${reason === "no-search" ? "" : "it"}`.trimEnd();
}

function deniedHint(file: NamedFile, denied: Obstacle | undefined): string {
  if (denied?.reason === "no-search")
    return `give the user that runs the plugin search permission (x) on ${denied.path}`;
  return `give the user that runs the plugin read permission on ${denied?.path ?? file.path}`;
}

/**
 * Walks a path component by component, through symbolic links, and returns the first that is missing or denies this
 * process; undefined when none does. The kernel's error names only the whole path.
 */
export function firstObstacle(path: string): Obstacle | undefined {
  const waiting = componentsOf(resolve(path));
  let current: string = sep;
  for (let links = 0; waiting.length > 0; ) {
    const next = join(current, waiting.shift()!);
    const stats = statsOf(next);
    if (stats === "denied") return obstacle(current, "no-search");
    if (stats === "missing") return { path: next, reason: "missing" };
    if (stats.isSymbolicLink()) {
      if (++links > longestLinkChain) return { path: next, reason: "missing", stats };
      waiting.unshift(...componentsOf(resolve(dirname(next), readlinkSync(next))));
      current = sep;
    } else if (waiting.length > 0 && !stats.isDirectory()) {
      return { path: next, reason: "not-a-directory", stats };
    } else {
      current = next;
    }
  }
  return isReadable(current) ? undefined : obstacle(current, "no-read");
}

/** The kernel's own limit on Linux (path_resolution(7)). */
const longestLinkChain = 40;

function componentsOf(path: string): string[] {
  return path.split(sep).filter((each) => each !== "");
}

function obstacle(path: string, reason: Obstacle["reason"]): Obstacle {
  const stats = statsOf(path);
  return typeof stats === "string" ? { path, reason } : { path, reason, stats };
}

// By trying, not by access(2): that asks for the real user, the kernel opens files for the effective one.
function statsOf(path: string): Stats | "missing" | "denied" {
  try {
    return lstatSync(path);
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "EACCES" ? "denied" : "missing";
  }
}

function isReadable(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
    return true;
  } catch {
    return false;
  }
}
