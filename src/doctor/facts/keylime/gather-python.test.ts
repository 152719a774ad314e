import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.js";
import { known, unknown } from "../fact.js";
import { Machine } from "../machine.js";
import type { ProcessFacts } from "../processes/process-facts.js";
import { gatherPython } from "./gather-python.js";
import { interpreterOf } from "./interpreter-of.js";

/** Files of a machine; `-> target` makes a link. */
async function pythonOf(files: Record<string, string>, running?: Partial<ProcessFacts>) {
  await using root = await temporaryDirectory();
  for (const [path, text] of Object.entries(files)) {
    const at = join(root.path, path);
    await mkdir(dirname(at), { recursive: true });
    if (text.startsWith("-> ")) await symlink(text.slice(3), at);
    else {
      await writeFile(at, text);
      await chmod(at, 0o755);
    }
  }
  const processes = running === undefined ? [] : [{ service: "keylime_verifier", ...running } as ProcessFacts];
  return await gatherPython(new Machine(root.path), "keylime_verifier", { processes, units: [] });
}

const script = "/usr/bin/keylime_verifier";
const venv = { "/opt/kl/pyvenv.cfg": "home = /usr/bin\nversion = 3.13.2\n", "/opt/kl/bin/python": "" };

describe("the Python of a Keylime service", () => {
  it("is that of its running process, by the program that the kernel names", async () => {
    const executable = known("/usr/bin/python3.13", "/proc/7/exe");
    const command = ["/usr/bin/python3", script];
    expect(await pythonOf({ [script]: "#!/usr/bin/python3.11\n" }, { executable, command })).toEqual(
      known({ major: 3, minor: 13 }, "/usr/bin/python3.13"),
    );
  });

  it("is told by the command of a process that may not be looked into", async () => {
    const running = {
      executable: unknown("permission denied", "/proc/7/exe"),
      command: ["/opt/kl/bin/python", script],
    };
    expect(await pythonOf(venv, running)).toEqual(known({ major: 3, minor: 13 }, "/opt/kl/bin/python"));
  });

  it.each([
    ["its first line", { [script]: "#!/usr/bin/python3.12 -s\n" }, 12, "/usr/bin/python3.12"],
    [
      "where the interpreter's links lead",
      {
        [script]: "#!/usr/bin/python3\n",
        "/usr/bin/python3": "-> python-default",
        "/usr/bin/python-default": "-> /etc/alternatives/python3.9",
      },
      9,
      "/usr/bin/python3",
    ],
    ["the virtual environment", { ...venv, [script]: "#!/opt/kl/bin/python\n" }, 13, "/opt/kl/bin/python"],
    [
      "the first of that name",
      { [script]: "#!/usr/bin/env -S python3 -s\n", "/usr/local/bin/python3": "-> python3.14" },
      14,
      "/usr/local/bin/python3",
    ],
  ])("is told by %s of the installed executable", async (_, files, minor, path) => {
    expect(await pythonOf(files)).toEqual(known({ major: 3, minor }, `${script}, run by ${path}`));
  });

  it("is unknown with its reason", async () => {
    expect(await pythonOf({})).toMatchObject({ known: false, reason: "no keylime_verifier was found" });
    expect(await pythonOf({ [script]: "\x7fELF" })).toEqual(unknown("it names no Python that would run it", script));
    const circle = { [script]: "#!/usr/bin/python3\n", "/usr/bin/python3": "-> python3" };
    expect(await pythonOf(circle)).toEqual(
      unknown("the version of /usr/bin/python3, which runs it, does not show", script),
    );
  });
});

it.each([
  ["#!/opt/kl/bin/python3\nimport re", "/opt/kl/bin/python3"],
  ["#! /usr/bin/python3 -I\r\n", "/usr/bin/python3"],
  ["#!/usr/bin/env PYTHONUNBUFFERED=1 python3\n", "python3"],
  [`#!/bin/sh\n'''exec' "/long path/bin/python" "$0" "$@"\n' '''\n`, "/long path/bin/python"],
  [`#!/bin/sh\n'''exec' /long/bin/python "$0" "$@"\n' '''\n`, "/long/bin/python"],
  ["#!/bin/sh\nexec something\n", undefined],
  ["import re\n", undefined],
])("the interpreter of %j is %s", (text, interpreter) => {
  expect(interpreterOf(text)).toBe(interpreter);
});
