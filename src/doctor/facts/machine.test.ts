import { execFileSync } from "node:child_process";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TemporaryDirectory, temporaryDirectory } from "../../../test/support/temporary-directory.js";
import { Machine } from "./machine.js";

let directory: TemporaryDirectory;
beforeAll(async () => {
  directory = await temporaryDirectory();
  await mkdir(join(directory.path, "etc/keylime"), { recursive: true });
});
afterAll(() => directory[Symbol.asyncDispose]());

describe("a copied machine", () => {
  it("finds absolute paths below its root, and names them as the machine does", () => {
    const machine = new Machine("/copy/");
    expect(machine.locate("/etc/spire/server.conf")).toBe("/copy/etc/spire/server.conf");
    expect(machine.nameOf("/etc/spire/server.conf")).toBe("/etc/spire/server.conf");
  });

  it("takes a path that is below its root already as it is", () => {
    const machine = new Machine("/copy");
    expect(machine.locate("/copy/etc/server.conf")).toBe("/copy/etc/server.conf");
    expect(machine.nameOf("/copy/etc/server.conf")).toBe("/etc/server.conf");
    expect(machine.locate("/copyright")).toBe("/copy/copyright");
  });

  it("lets no path out of its root", () => {
    expect(new Machine("/copy").locate("/etc/../../../secret")).toBe("/copy/secret");
  });

  it("keeps symbolic links within its root, through folders and upwards too, and opens nothing of a circle", async () => {
    const machine = new Machine(directory.path);
    await mkdir(join(directory.path, "opt/conf"), { recursive: true });
    await mkdir(join(directory.path, "links"));
    await writeFile(join(directory.path, "opt/conf/server.conf"), "of the copy");
    const links = {
      folder: "/opt/conf",
      up: "../../../opt/conf/server.conf",
      here: "/links/there",
      there: "/links/here",
    };
    for (const [name, target] of Object.entries(links)) await symlink(target, join(directory.path, "links", name));
    const target = join(directory.path, "opt/conf/server.conf");
    expect(machine.locate("/links/folder/server.conf")).toBe(target);
    expect(machine.locate("/links/up")).toBe(target);
    expect(await machine.readText("/links/folder/server.conf")).toEqual({
      known: true,
      value: "of the copy",
      source: "/links/folder/server.conf",
    });
    expect(await machine.readText("/links/here")).toEqual({
      known: false,
      reason: "no such file",
      source: "/links/here",
    });
  });

  it("proves a file missing only where its folder was copied", async () => {
    const machine = new Machine(directory.path);
    expect(await machine.isMissingProven("/etc/keylime/verifier.conf")).toBe(true);
    expect(await machine.isMissingProven("/opt/spire/plugins/plugin")).toBe(false);
  });
});

describe("this machine", () => {
  it("leaves paths as they are and proves every missing file", async () => {
    const machine = new Machine(undefined);
    expect([machine.isCopy, machine.locate("/etc/x"), machine.nameOf("/etc/x")]).toEqual([false, "/etc/x", "/etc/x"]);
    expect(await machine.isMissingProven("/no/such/folder/file")).toBe(true);
  });
});

describe("readText", () => {
  const read = async (name: string, content?: string | Buffer) => {
    if (content !== undefined) await writeFile(join(directory.path, name), content);
    const answer = await new Machine(directory.path).readText(`/${name}`);
    return answer.known ? answer.value : answer.reason;
  };

  it("says in words why a file cannot be read", async () => {
    expect(await read("text", "größe")).toBe("größe");
    expect(await read("missing")).toBe("no such file");
    expect(await read("text/below")).toBe("a folder above it is a file");
    expect(await read("etc")).toBe("it is not a regular file");
    expect(await read("binary", Buffer.from([0xff, 0xfe]))).toBe("it is not UTF-8");
    expect(await read("long", Buffer.alloc(4 * 1024 * 1024 + 1))).toBe("it is longer than 4 MiB");
  });

  it("waits for nobody at a FIFO", async () => {
    execFileSync("mkfifo", [join(directory.path, "fifo")]);
    expect(await read("fifo")).toBe("it is not a regular file");
  });

  it.skipIf(process.getuid?.() === 0)("says that the permission is denied", async () => {
    await read("closed", "x");
    await chmod(join(directory.path, "closed"), 0);
    expect(await read("closed")).toBe("permission denied");
  });
});
