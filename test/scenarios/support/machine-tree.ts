import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { temporaryDirectory } from "../../support/temporary-directory.js";

/** A file of the examined machine: its text, or text and mode; null takes a file of the base away. */
export type TreeFile = string | { text: string | Buffer; mode?: number } | null;

/** Absolute paths of the examined machine and what lies there. */
export type Tree = Readonly<Record<string, TreeFile>>;

/** Writes a tree below a new temporary directory, which is what `--root` takes. */
export async function writeTree(...trees: readonly Tree[]): Promise<{ root: string } & AsyncDisposable> {
  const directory = await temporaryDirectory();
  for (const [path, file] of Object.entries(Object.assign({}, ...trees) as Tree)) {
    if (file === null) continue;
    const { text, mode } = typeof file === "string" ? { text: file, mode: undefined } : file;
    const at = join(directory.path, path);
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, text);
    chmodSync(at, mode ?? (/(\.key|-private\.pem)$/.test(path) ? 0o600 : 0o644));
  }
  return { root: directory.path, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}
