// Builds what is shipped: dist/spire-keylime.cjs, one executable file that holds everything (SPIRE's plugin_checksum
// covers exactly one file), and dist/plugin-sdk.js with its types for authors of other plugins.
import { chmod, mkdir, readFile, rm, stat } from "node:fs/promises";
import { execFileSync } from "node:child_process";
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

await build({
  ...shared,
  entryPoints: ["src/bin/spire-keylime.ts"],
  outfile: "dist/spire-keylime.cjs",
  format: "cjs",
  minifySyntax: true,
  minifyWhitespace: true,
  // grpc-js loads it only for services that are not served here (channelz, ORCA); it would be a fifth of the file.
  external: ["@grpc/proto-loader"],
  banner: { js: "#!/usr/bin/env node" },
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
