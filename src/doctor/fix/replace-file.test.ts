import { chmod, chown, mkdir, readdir, readFile, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type TemporaryDirectory, temporaryDirectory } from "../../../test/support/temporary-directory.js";
import { replaceFile } from "./replace-file.js";

const nowMs = Date.parse("2026-02-11T03:10:00Z");
const isRoot = process.getuid?.() === 0;

let files: TemporaryDirectory;
let folder: string;
let sequence = 0;
beforeAll(async () => {
  files = await temporaryDirectory();
});
beforeEach(async () => {
  folder = join(files.path, `f${sequence++}`);
  await mkdir(folder);
});
afterAll(() => files[Symbol.asyncDispose]());

async function written(text: string): Promise<string> {
  return await files.write(join(folder.slice(files.path.length + 1), "server.conf"), text);
}

describe("replaceFile", () => {
  it("keeps owner and mode, for the backup too, and leaves nothing else behind", async () => {
    const path = await written("old");
    await chmod(path, 0o640);
    if (isRoot) await chown(path, 65534, 65534);
    const backup = await replaceFile(path, "old", "new", nowMs);
    expect(backup).toBe(`${path}.bak-20260211T031000Z`);
    const told = await Promise.all(
      [path, backup].map(async (each) => {
        const { mode, uid } = await stat(each);
        return { text: await readFile(each, "utf8"), mode: mode & 0o777, uid };
      }),
    );
    const uid = isRoot ? 65534 : process.getuid?.();
    expect(told).toEqual([
      { text: "new", mode: 0o640, uid },
      { text: "old", mode: 0o640, uid },
    ]);
    expect(await readdir(folder)).toHaveLength(2);
  });

  it("leaves a file alone that was changed since it was read", async () => {
    const path = await written("changed by somebody else");
    await expect(replaceFile(path, "old", "new", nowMs)).rejects.toMatchObject({ code: "file-changed" });
    expect(await readFile(path, "utf8")).toBe("changed by somebody else");
    expect(await readdir(folder)).toEqual(["server.conf"]);
  });

  it("replaces what a symbolic link names, and keeps the link", async () => {
    const path = await written("old");
    const link = join(folder, "link.conf");
    await symlink("server.conf", link);
    await replaceFile(link, "old", "new", nowMs);
    expect([await readFile(path, "utf8"), await readFile(link, "utf8")]).toEqual(["new", "new"]);
    expect((await readdir(folder)).sort()).toEqual(["link.conf", "server.conf", "server.conf.bak-20260211T031000Z"]);
  });

  it("overwrites no earlier backup, and the file is as it was then", async () => {
    const path = await written("old");
    await files.write(join(folder.slice(files.path.length + 1), "server.conf.bak-20260211T031000Z"), "earlier");
    await expect(replaceFile(path, "old", "new", nowMs)).rejects.toMatchObject({ code: "file-not-written" });
    expect(await readFile(path, "utf8")).toBe("old");
  });

  it("says which file cannot be written", async () => {
    const path = join(folder, "missing.conf");
    await expect(replaceFile(path, "old", "new", nowMs)).rejects.toThrow(
      `cannot write ${JSON.stringify(path)}: ENOENT`,
    );
  });
});
