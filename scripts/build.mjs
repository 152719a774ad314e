// Builds what is shipped: dist/spire-keylime.cjs, one executable file that holds everything (SPIRE's plugin_checksum
// covers exactly one file), and dist/plugin-sdk.js with its types for authors of other plugins.
import { execFileSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { brotliCompressSync } from "node:zlib";
import { build } from "esbuild";

const { version } = JSON.parse(await readFile("package.json", "utf8"));
await rm("dist", { recursive: true, force: true });
await mkdir("dist");

const shared = {
  bundle: true,
  platform: "node",
  target: "node20",
  define: { "process.env.SPIRE_KEYLIME_VERSION": JSON.stringify(version) },
  legalComments: "none",
  logLevel: "warning",
};

const executable = {
  ...shared,
  format: "cjs",
  minifySyntax: true,
  minifyWhitespace: true,
  // grpc-js loads it only for services that are not served here (channelz, ORCA); it would be a fifth of the file.
  external: ["@grpc/proto-loader"],
};

// The command line stands in the file as text that is unpacked when a command runs: SPIRE starts the plugin at every start
// of its own, and Node would compile all of the lab and the peers for it each time.
const cli = await build({
  ...executable,
  entryPoints: ["src/cli/main.ts"],
  define: { ...shared.define, "process.env.SPIRE_KEYLIME_FAULT_PAGES": JSON.stringify(await faultPages()) },
  write: false,
});
await build({
  ...executable,
  entryPoints: ["src/bin/spire-keylime.ts"],
  outfile: "dist/spire-keylime.cjs",
  banner: { js: "#!/usr/bin/env node" },
  plugins: [packed(/\/cli\/main\.js$/, cli.outputFiles[0].contents)],
});
await chmod("dist/spire-keylime.cjs", 0o755);

await build({
  ...shared,
  entryPoints: ["src/plugin-sdk/index.ts"],
  outfile: "dist/plugin-sdk.js",
  format: "esm",
  packages: "external",
});
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.types.json"], { stdio: "inherit" });

const { size } = await stat("dist/spire-keylime.cjs");
process.stderr.write(`built dist/spire-keylime.cjs (${Math.round(size / 1024)} KiB)\n`);

/** The pages of docs/faults by id, as JSON text: `doctor --explain` prints them where only the executable lies. */
async function faultPages() {
  const names = (await readdir("docs/faults")).filter((name) => name !== "README.md");
  const pages = names.map(async (name) => [name.replace(/\.md$/, ""), await readFile(`docs/faults/${name}`, "utf8")]);
  return JSON.stringify(Object.fromEntries(await Promise.all(pages)));
}

/** Replaces the module that `filter` matches by one that unpacks and runs a CommonJS bundle of it. */
function packed(filter, bundle) {
  const contents = `
    import { compileFunction } from "node:vm";
    import { brotliDecompressSync } from "node:zlib";
    const text = brotliDecompressSync(Buffer.from("${brotliCompressSync(bundle).toString("base64")}", "base64")).toString();
    const names = ["exports", "require", "module", "__filename", "__dirname"];
    const unpacked = { exports: {} };
    compileFunction(text, names, { filename: __filename })(unpacked.exports, require, unpacked, __filename, __dirname);
    export const runCli = unpacked.exports.runCli;`;
  return {
    name: "packed",
    setup({ onResolve, onLoad }) {
      onResolve({ filter }, () => ({ path: "packed", namespace: "packed" }));
      onLoad({ filter: /.*/, namespace: "packed" }, () => ({ contents, resolveDir: process.cwd() }));
    },
  };
}
