import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

function filesOf(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = names.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(paths.map((path) => [path.slice(directory.length), readFileSync(path, "utf8")]));
}

it("generating src/gen again gives the same bytes", () => {
  const scratch = mkdtempSync(join(tmpdir(), "generated-"));
  try {
    execFileSync(process.execPath, [join(root, "scripts/generate.mjs"), "--out", join(scratch, "gen")], {
      stdio: "pipe",
    });
    expect(filesOf(join(scratch, "gen"))).toEqual(filesOf(join(root, "src/gen")));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});
