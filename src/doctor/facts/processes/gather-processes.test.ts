import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { realpathSync } from "node:fs";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type TemporaryDirectory, temporaryDirectory } from "../../../../test/support/temporary-directory.js";
import { gatherProcesses } from "./gather-processes.js";

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

describe("gatherProcesses on this machine", () => {
  it("tells a running service's user, start, environment, directory and listening port", async () => {
    await using directory = await temporaryDirectory();
    const script = `const s = require("net").createServer().listen(0, "127.0.0.1", () => console.log(s.address().port));
      require("fs").openSync(process.argv[1])`;
    const configuration = await directory.write("verifier.conf", "[verifier]\n");
    const startMs = Date.now();
    const child = spawn(process.execPath, ["-e", script, configuration], {
      argv0: "keylime_verifier",
      cwd: directory.path,
      env: { PATH: "/bin", KEYLIME_DIR: "/lab", KEYLIME_VERIFIER_SERVER_KEY_PASSWORD: "x", OTHER: "y" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    const [printed] = await once(child.stdout!, "data");

    const answer = await gatherProcesses("/");
    if (!answer.known) throw new Error(answer.reason);
    const found = answer.value.find(({ pid }) => pid === child.pid);
    expect(found).toEqual({
      service: "keylime_verifier",
      pid: child.pid,
      parentPid: process.pid,
      isWorker: false,
      startedMs: expect.any(Number),
      uid: process.geteuid!(),
      gid: process.getegid!(),
      groups: expect.not.arrayContaining([child.pid]),
      user: expect.any(String),
      command: ["keylime_verifier", "-e", script, configuration],
      executable: { known: true, value: realpathSync(process.execPath), source: `/proc/${child.pid}/exe` },
      environment: {
        known: true,
        value: { KEYLIME_DIR: "/lab", KEYLIME_VERIFIER_SERVER_KEY_PASSWORD: "(hidden)" },
        source: `/proc/${child.pid}/environ`,
      },
      workingDirectory: { known: true, value: directory.path, source: `/proc/${child.pid}/cwd` },
      openConfiguration: { known: true, value: [configuration], source: `/proc/${child.pid}/fd` },
      listens: {
        known: true,
        value: [{ address: "127.0.0.1", port: Number(printed) }],
        source: `/proc/${child.pid}/fd`,
      },
    });
    expect(Math.abs(found!.startedMs - startMs)).toBeLessThan(5000);
  });
});

describe("gatherProcesses below a root", () => {
  const stat = (parentPid: number, startTicks: number) =>
    `7 (a b) c) S ${parentPid} ${Array.from({ length: 17 }, () => 0).join(" ")} ${startTicks} 0 0\n`;
  const status = "Name:\tx\nUid:\t0\t990\t0\t990\nGid:\t0\t991\t0\t991\nGroups:\t991 992 \n";

  async function addProcess(
    root: TemporaryDirectory,
    pid: number,
    { command, parentPid = 1, startTicks = 500 }: Planted,
  ) {
    await root.write(`proc/${pid}/cmdline`, command.map((each) => `${each}\0`).join(""));
    await root.write(`proc/${pid}/stat`, stat(parentPid, startTicks));
    await root.write(`proc/${pid}/status`, status);
  }
  interface Planted {
    command: string[];
    parentPid?: number;
    startTicks?: number;
  }

  it("knows workers by their parent, hides secrets of command lines, and says what it may not read", async () => {
    await using root = await temporaryDirectory();
    await root.write("proc/stat", "cpu 1\nbtime 1000\n");
    await root.write("etc/passwd", "keylime:x:990:991::/:/sbin/nologin\n");
    await addProcess(root, 20, { command: ["/usr/bin/python3", "/usr/bin/keylime_verifier"], startTicks: 250 });
    await addProcess(root, 21, { command: ["/usr/bin/python3", "/usr/bin/keylime_verifier"], parentPid: 20 });
    await addProcess(root, 22, { command: ["spire-agent", "run", "-joinToken", "t", "-config=/a.conf"] });
    await addProcess(root, 23, { command: ["spire-agent", "api", "fetch"] });
    await addProcess(root, 24, { command: ["bash"] });
    await symlink("/srv", join(root.path, "proc/22/cwd"));

    const answer = await gatherProcesses(root.path);
    if (!answer.known) throw new Error(answer.reason);
    const brief = answer.value.map(
      ({ service, pid, isWorker, startedMs, command, uid, user, groups, workingDirectory }) => ({
        ...{ service, pid, isWorker, startedMs, command, uid, user, groups, cwd: workingDirectory.known },
      }),
    );
    const common = { uid: 990, user: "keylime", groups: [991, 992] };
    const verifier = {
      service: "keylime_verifier",
      command: ["/usr/bin/python3", "/usr/bin/keylime_verifier"],
      cwd: false,
    };
    expect(brief).toEqual([
      { ...common, ...verifier, pid: 20, isWorker: false, startedMs: 1_002_500 },
      { ...common, ...verifier, pid: 21, isWorker: true, startedMs: 1_005_000 },
      {
        ...common,
        service: "spire-agent",
        pid: 22,
        isWorker: false,
        startedMs: 1_005_000,
        command: ["spire-agent", "run", "-joinToken", "(hidden)", "-config=/a.conf"],
        cwd: true,
      },
    ]);
    const [verifierFacts] = answer.value;
    expect(verifierFacts!.environment).toMatchObject({ known: false, reason: expect.stringContaining("ENOENT") });
    expect(verifierFacts!.listens).toMatchObject({ known: false });
  });

  it("is unknown where there is no /proc", async () => {
    await using root = await temporaryDirectory();
    expect(await gatherProcesses(root.path)).toMatchObject({ known: false, source: join(root.path, "proc") });
  });
});
