import { symlink } from "node:fs/promises";
import { delimiter } from "node:path";
import { expect, it } from "vitest";
import { builtExecutable } from "../support/built-executable.js";
import { runCommand } from "../support/run-command.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { describeWithPeers, peerPath } from "./support/peers.js";

for (const peer of ["node22", "node24"] as const) {
  describeWithPeers([peer], `the executable on ${peer}`, () => {
    it("plays the whole lab, plugins included, as on Node 20", async () => {
      await using bin = await temporaryDirectory();
      // The plugins' first line finds Node through PATH.
      await symlink(peerPath(peer), bin.file("node"));
      const { code, stdout, stderr } = await runCommand(builtExecutable(), ["lab", "--json"], {
        env: { PATH: `${bin.path}${delimiter}${process.env.PATH}` },
        timeoutMs: 90_000,
      });
      const report = JSON.parse(stdout || "{}");
      expect({ code, stderr, ok: report.ok }).toEqual({ code: 0, stderr: "", ok: true });
      expect(report.criteria.map(({ met }: { met: boolean }) => met)).toEqual([true, true, true, true, true]);
    });
  });
}
