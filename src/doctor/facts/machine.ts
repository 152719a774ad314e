import { readlinkSync } from "node:fs";
import { constants, open, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { errorText } from "../../core/problem.js";
import { type Fact, known, unknown } from "./fact.js";

const largestTextBytes = 4 * 1024 * 1024;

/** The kernel's own limit on Linux (path_resolution(7)). */
export const longestLinkChain = 40;

/** The machine that is examined: this one, or a copy of its files below a directory. */
export class Machine {
  /** Absolute; `/` for this machine itself. */
  readonly root: string;

  constructor(root: string | undefined) {
    this.root = root === undefined ? sep : resolve(root);
  }

  get isCopy(): boolean {
    return this.root !== sep;
  }

  /** Where a path of the examined machine leads on this one: symbolic links of a copied machine lead within the copy. */
  locate(path: string): string {
    const place = this.placeOf(path);
    return this.isCopy && isBelow(place, this.root) ? followLinks(this.root, place.slice(this.root.length)) : place;
  }

  /** Where a path itself lies on this machine, links not followed. A path that is below the root already stays what it is. */
  placeOf(path: string): string {
    const absolute = resolve(path);
    const isRelative = !path.startsWith(sep);
    return !this.isCopy || isRelative || isBelow(absolute, this.root) ? absolute : join(this.root, absolute);
  }

  /** The path as the examined machine names it. */
  nameOf(path: string): string {
    const place = this.placeOf(path);
    return this.isCopy && isBelow(place, this.root) ? place.slice(this.root.length) : place;
  }

  async hasFile(path: string): Promise<boolean> {
    return await stat(this.locate(path)).then(
      (stats) => stats.isFile(),
      () => false,
    );
  }

  /**
   * Whether a file that is not there is missing on the examined machine too: of a copied machine only what stands in a
   * folder that was copied can be missed.
   */
  async isMissingProven(path: string): Promise<boolean> {
    if (!this.isCopy) return true;
    return await stat(dirname(this.locate(path))).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
  }

  /** The text of a file, UTF-8, at most 4 MiB. */
  async readText(path: string): Promise<Fact<string>> {
    const source = this.nameOf(path);
    try {
      // Without O_NONBLOCK the opening of a FIFO waits for a writer, for ever.
      const handle = await open(this.locate(path), constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        if (!(await handle.stat()).isFile()) return unknown("it is not a regular file", source);
        const { bytesRead, buffer } = await handle.read({ buffer: Buffer.alloc(largestTextBytes + 1) });
        if (bytesRead > largestTextBytes) return unknown("it is longer than 4 MiB", source);
        const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
        return known(decoder.decode(buffer.subarray(0, bytesRead)), source);
      } finally {
        await handle.close();
      }
    } catch (error) {
      return unknown(whyUnreadable(error), source);
    }
  }
}

/** The reason in words, without the path that Node's message repeats. */
export function whyUnreadable(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  const words: Record<string, string> = {
    ENOENT: "no such file",
    ENOTDIR: "a folder above it is a file",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EISDIR: "it is a directory",
    ELOOP: "its symbolic links form a circle",
    ERR_ENCODING_INVALID_ENCODED_DATA: "it is not UTF-8",
  };
  return words[code ?? ""] ?? errorText(error);
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

/** To where a path of the copy leads, below its root. What is missing stays as it is named. */
function followLinks(root: string, path: string): string {
  const waiting = path.split(sep);
  let current: string = sep;
  for (let links = 0; waiting.length > 0; ) {
    const next = join(current, waiting.shift()!);
    const target = linkTarget(join(root, next));
    if (target === undefined) {
      current = next;
      continue;
    }
    // The links themselves could lead out of the copy: of a circle nothing may be opened.
    if (++links > longestLinkChain) return join(root, "a circle of symbolic links");
    waiting.unshift(...resolve(dirname(next), target).split(sep));
    current = sep;
  }
  return join(root, current);
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
