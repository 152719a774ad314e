// Writes src/gen/ from proto/ with buf and ts-proto, offline. `--out <directory>` writes elsewhere, for the test that
// compares. Imports of the generated code carry .js, so that Node and TypeScript's NodeNext take them as they are.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const buf = require.resolve("@bufbuild/buf/bin/buf");
const tsProto = require.resolve("ts-proto/protoc-gen-ts_proto");
const wanted = process.argv.indexOf("--out");
const outDirectory = wanted === -1 ? join(root, "src/gen") : resolve(process.argv[wanted + 1]);

const tsProtoOptions = [
  "outputServices=grpc-js",
  "esModuleInterop=true",
  "importSuffix=.js",
  "env=node",
  "forceLong=bigint",
  "useExactTypes=false",
  "outputPartialMethods=false",
  "outputJsonMethods=false",
  "exportCommonSymbols=false",
  "annotateFilesWithVersion=false",
  "outputClientImpl=false",
];

const template = {
  version: "v2",
  plugins: [
    {
      local: [process.execPath, tsProto],
      out: ".",
      opt: tsProtoOptions,
      strategy: "all",
      include_imports: true,
      include_wkt: true,
    },
  ],
  inputs: [{ directory: join(root, "proto") }],
};

// Generated beside its place first: a failing generator must not leave half a tree.
const scratch = mkdtempSync(join(tmpdir(), "generate-"));
try {
  execFileSync(process.execPath, [buf, "generate", "--template", JSON.stringify(template), "--output", scratch], {
    cwd: scratch,
    stdio: "inherit",
  });
  rmSync(outDirectory, { recursive: true, force: true });
  cpSync(scratch, outDirectory, { recursive: true });
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
