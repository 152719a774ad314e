import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export const projectRoot = fileURLToPath(new URL("../..", import.meta.url));

/** A directory with executables in it, removed when the test is over. */
export interface BundleDirectory extends AsyncDisposable {
  path: string;
  /** Bundles TypeScript into one executable file, as plugin authors do; returns its path. */
  bundle(name: string, source: { file: string } | { text: string }): Promise<string>;
}

export async function createBundleDirectory(): Promise<BundleDirectory> {
  const path = await mkdtemp(join(tmpdir(), "bundle-"));
  return {
    path,
    bundle: async (name, source) => {
      const outfile = join(path, `${name}.cjs`);
      await build({
        ...("file" in source
          ? { entryPoints: [source.file] }
          : { stdin: { contents: source.text, loader: "ts", resolveDir: projectRoot, sourcefile: `${name}.ts` } }),
        outfile,
        bundle: true,
        platform: "node",
        target: "node20",
        format: "cjs",
        banner: { js: "#!/usr/bin/env node" },
        alias: { "spire-keylime/plugin-sdk": join(projectRoot, "src/plugin-sdk/index.ts") },
        logLevel: "warning",
      });
      await chmod(outfile, 0o755);
      return outfile;
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
