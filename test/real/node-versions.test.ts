import { symlink, writeFile } from "node:fs/promises";
import { delimiter } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startWorld, type World } from "../../bench/world.js";
import { createCvCa } from "../../src/peers/pki/field-report-pki.js";
import { builtExecutable } from "../support/built-executable.js";
import { runCommand } from "../support/run-command.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";
import { describeWithPeers, peerPath } from "./support/peers.js";

let files: TemporaryDirectory;
let world: World;

beforeAll(async () => {
  files = await temporaryDirectory("node-versions");
  world = await startWorld(files.file("world"), { isReal: false, keyType: "p256", quoteIntervalMs: 500 });
});
afterAll(async () => {
  await world?.stop();
  await files?.[Symbol.asyncDispose]();
});

for (const peer of ["node22", "node24", "node26"] as const) {
  describeWithPeers([peer], `the executable on ${peer}`, () => {
    async function run(...args: string[]) {
      await using bin = await temporaryDirectory();
      // The plugins' first line finds Node through PATH.
      await symlink(peerPath(peer), bin.file("node"));
      const env = { PATH: `${bin.path}${delimiter}${process.env.PATH}` };
      return await runCommand(builtExecutable(), args, { env, timeoutMs: 90_000 });
    }

    it("plays the whole lab, plugins included, as on Node 20", async () => {
      const { code, stdout, stderr } = await run("lab", "--json");
      const report = JSON.parse(stdout || "{}");
      expect({ code, stderr, ok: report.ok }).toEqual({ code: 0, stderr: "", ok: true });
      expect(report.criteria.map(({ met }: { met: boolean }) => met)).toEqual([true, true, true, true, true]);
    });

    it("refuses a Keylime agent of another CA in the words of Node 20", async () => {
      const [stranger, server, agent] = [files.file("stranger.crt"), files.file("server.hcl"), files.file("agent.hcl")];
      await writeFile(stranger, (await createCvCa()).files["cacert.crt"]);
      await writeFile(server, world.mtls!.serverData);
      await writeFile(agent, world.mtls!.agentData.replace(world.files.ca, stranger));
      const plugin = (half: string, data: string) => [
        ...[`--${half}-plugin`, builtExecutable(), "plugin", half],
        ...[`--${half}-data`, data],
      ];
      const { code, stdout } = await run("rehearse", "--json", ...plugin("server", server), ...plugin("agent", agent));
      const [failure] = JSON.parse(stdout || "{}").failures;
      expect(code).toBe(1);
      expect(failure.message).toContain(
        "does not vouch for (unable to verify the first certificate); it presented CN=agent.keylime.funlab.casa,",
      );
    });
  });
}
