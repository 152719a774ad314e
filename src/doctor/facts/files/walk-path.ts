import type { Stats } from "node:fs";
import { lstat, readlink } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { longestLinkChain, type Machine } from "../machine.js";

/** One component of a path on the way to a file, symbolic links followed. */
export interface PathComponent {
  /** As the examined machine names it. */
  path: string;
  stats: Stats;
}

export type PathWalk =
  | { is: "reached"; folders: readonly PathComponent[]; end: PathComponent }
  | { is: "missing"; folders: readonly PathComponent[]; at: string }
  /** This program may not look further. */
  | { is: "hidden"; folders: readonly PathComponent[]; at: string; code: string };

/**
 * Goes from the root to a file as the kernel does, component by component. Below a copied machine's root links lead within
 * the copy, and the root folder itself is not part of the walk: its mode is the copy's, not the machine's.
 */
export async function walkPath(machine: Machine, path: string): Promise<PathWalk> {
  const waiting = componentsOf(resolve(sep, path));
  const folders = await rootFolder(machine);
  let current: string = sep;
  for (let links = 0; waiting.length > 0; ) {
    const next = join(current, waiting.shift()!);
    const stats = await statsOf(machine.placeOf(next));
    if (stats === "ENOENT" || stats === "ENOTDIR") return { is: "missing", folders, at: next };
    if (typeof stats === "string") return { is: "hidden", folders, at: next, code: stats };
    if (stats.isSymbolicLink()) {
      if (++links > longestLinkChain) return { is: "missing", folders, at: next };
      waiting.unshift(...componentsOf(resolve(dirname(next), await readlink(machine.placeOf(next)))));
      current = sep;
    } else if (waiting.length === 0) {
      return { is: "reached", folders, end: { path: next, stats } };
    } else if (stats.isDirectory()) {
      folders.push({ path: next, stats });
      current = next;
    } else {
      return { is: "missing", folders, at: next };
    }
  }
  return { is: "missing", folders, at: path };
}

async function rootFolder(machine: Machine): Promise<PathComponent[]> {
  return machine.isCopy ? [] : [{ path: sep, stats: await lstat(sep) }];
}

function componentsOf(path: string): string[] {
  return path.split(sep).filter((each) => each !== "");
}

async function statsOf(path: string): Promise<Stats | string> {
  return await lstat(path).catch((error: NodeJS.ErrnoException) => error.code ?? "unknown");
}
