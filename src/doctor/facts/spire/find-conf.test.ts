import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Fact, known, unknown } from "../fact.js";
import { Machine } from "../machine.js";
import type { ProcessFacts } from "../processes/process-facts.js";
import type { UnitFacts } from "../units/gather-units.js";
import { findConf } from "./find-conf.js";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "find-conf-"));
});
afterEach(() => rm(root, { recursive: true }));

async function put(...files: string[]): Promise<void> {
  for (const file of files) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), "");
  }
}

const process = (command: string[], workingDirectory: Fact<string> = known("/opt/spire", "/proc/7/cwd")) =>
  ({ service: "spire-server", pid: 7, command, workingDirectory }) as unknown as ProcessFacts;
const unit = (command: string[]) =>
  ({ service: "spire-server", unit: "spire-server.service", command }) as unknown as UnitFacts;
const find = (starts: { processes?: ProcessFacts[]; units?: UnitFacts[] } = {}, asked?: string) =>
  findConf(new Machine(root), "server", asked, { processes: [], units: [], ...starts });

describe("findConf", () => {
  it("takes what was asked for before anything else, with the running server's working directory", async () => {
    const processes = [process(["spire-server", "run", "-config", "/etc/other.conf"])];
    expect(await find({ processes }, "mine.conf")).toEqual(
      known({ file: "mine.conf", workingDirectory: "/opt/spire" }, "--server-config"),
    );
  });

  it.each([
    ["-config conf/server.conf", ["-config", "conf/server.conf"]],
    ["--config conf/server.conf", ["--config", "conf/server.conf"]],
    ["-config=conf/server.conf", ["-config=conf/server.conf"]],
    ["--config=conf/server.conf", ["--config=conf/server.conf"]],
  ])("takes what the process was started with, %s, from its working directory", async (_, words) => {
    await put("/etc/spire/server.conf");
    const processes = [process(["spire-server", "run", ...words])];
    expect(await find({ processes, units: [unit(["spire-server", "-config", "/etc/unit.conf"])] })).toEqual(
      known({ file: "/opt/spire/conf/server.conf", workingDirectory: "/opt/spire" }, "spire-server, process 7"),
    );
  });

  it("leaves a relative path as it is where the working directory cannot be seen", async () => {
    const hidden = unknown("permission denied", "/proc/7/cwd");
    const processes = [process(["spire-server", "run", "-config", "server.conf"], hidden)];
    expect(await find({ processes })).toEqual(
      known({ file: "server.conf", workingDirectory: undefined }, "spire-server, process 7"),
    );
  });

  it("takes what the unit starts where no server runs, from the root where the unit names no directory", async () => {
    const units = [unit(["/usr/bin/spire-server", "run", "-config", "srv/server.conf"])];
    expect(await find({ units })).toEqual(
      known({ file: "/srv/server.conf", workingDirectory: "/" }, "spire-server.service"),
    );
  });

  it("takes the first of the usual places otherwise", async () => {
    await put("/opt/spire/conf/server/server.conf", "/run/spire/config/server.conf");
    expect(await find()).toEqual(
      known({ file: "/opt/spire/conf/server/server.conf", workingDirectory: undefined }, "usual place"),
    );
  });

  it("takes nothing that only another half is started with", async () => {
    await put("/etc/spire/server.conf");
    const agent = { ...process(["spire-agent", "run", "-config", "/x"]), service: "spire-agent" } as ProcessFacts;
    expect(await find({ processes: [agent] })).toEqual(
      known({ file: "/etc/spire/server.conf", workingDirectory: undefined }, "usual place"),
    );
  });

  it("names the option that helps where there is none", async () => {
    expect(await find()).toMatchObject({
      known: false,
      reason: "no server.conf in any of the usual places: name it with --server-config",
    });
  });
});
