import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A directory of a test's own, removed when its scope ends. Its path is short: sockets in it must fit 107 bytes. */
export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
  /** The absolute path of a name below the directory; nothing is created. */
  file(name: string): string;
  /** Writes a file, parents included, and returns its absolute path. */
  write(name: string, content: string | Uint8Array, mode?: number): Promise<string>;
  read(name: string): Promise<string>;
}

/** With `KEEP_TEST_FILES=1` directories stay behind, for a look at what a failing test left. */
export async function temporaryDirectory(prefix = "sk"): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), `${prefix}-`));
  const file = (name: string): string => join(path, name);
  return {
    path,
    file,
    async write(name, content, mode = 0o600) {
      await mkdir(dirname(file(name)), { recursive: true });
      await writeFile(file(name), content, { mode });
      return file(name);
    },
    read: (name) => readFile(file(name), "utf8"),
    async [Symbol.asyncDispose]() {
      if (process.env.KEEP_TEST_FILES !== "1") await rm(path, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
