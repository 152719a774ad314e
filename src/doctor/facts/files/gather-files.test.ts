import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Random } from "../../../../test/support/random.js";
import { type TemporaryDirectory, temporaryDirectory } from "../../../../test/support/temporary-directory.js";
import { createRootCa } from "../../../peers/pki/authority.js";
import { encryptKeyPem, traditionalKeyPem } from "../../../peers/pki/key-pair.js";
import { unknown } from "../fact.js";
import { Machine } from "../machine.js";
import type { FileFacts, FileUse, ReaderUser } from "./file-facts.js";
import { gatherFiles } from "./gather-files.js";

const nothingRuns = { processes: unknown("not asked", "test"), units: [] };
const use = (path: string, role: FileUse["role"] = "certificate"): FileUse => ({
  ...{ reader: "server-plugin", role, legs: [], end: "client", path, key: "some_file", isDefault: false },
});

async function look(root: string, uses: readonly FileUse[], asUser?: string): Promise<FileFacts[]> {
  return await gatherFiles(new Machine(root), { uses, ...nothingRuns, asUser });
}

const isRoot = process.geteuid?.() === 0;
const hasAcls = spawnSync("setfacl", ["--version"]).status === 0;
if (!isRoot) process.stderr.write("skipped: who may read a file is only tried out by root\n");

/**
 * The first thing that really denies, found by a process that runs as the user: the component whose child cannot be looked
 * at, or the file that cannot be opened.
 */
const oracle = `
const { lstatSync, openSync } = require("node:fs");
const { uid, gid, groups, paths } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
process.setgroups(groups); process.setgid(gid); process.setuid(uid);
const denies = (call) => { try { call(); return false; } catch (error) { return error.code === "EACCES"; } };
console.log(JSON.stringify(paths.map((path) => {
  const parts = path.split("/").filter((part) => part !== "");
  for (let i = 1; i <= parts.length; i++) {
    const above = "/" + parts.slice(0, i - 1).join("/");
    if (denies(() => lstatSync("/" + parts.slice(0, i).join("/")))) return above + " search";
  }
  return denies(() => openSync(path, "r")) ? path + " read" : "none";
})));`;

function reallyDenied(user: ReaderUser, paths: readonly string[]): string[] {
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", oracle], {
    input: JSON.stringify({ ...user, paths }),
    encoding: "utf8",
    cwd: "/",
  });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as string[];
}

const users: readonly (ReaderUser & { asUser: string })[] = [
  { uid: 64_001, gid: 64_011, groups: [64_012, 64_013], asUser: "spire" },
  { uid: 64_002, gid: 64_012, groups: [], asUser: "keylime" },
  { uid: 64_003, gid: 64_003, groups: [], asUser: "64003" },
];

/** Folders and files with random owners, groups, modes and ACLs; returns the files, as the machine below the root has them. */
async function randomTree(directory: TemporaryDirectory, random: Random, count: number): Promise<string[]> {
  chmodSync(directory.path, 0o755);
  await directory.write("etc/passwd", "spire:x:64001:64011::/:/x\nkeylime:x:64002:64012::/:/x\n");
  await directory.write("etc/group", "spire:x:64011:\nshared:x:64012:spire\nmore:x:64013:spire\n");
  chmodSync(directory.file("etc"), 0o755);
  const paths: string[] = [];
  for (let i = 0; i < count; i++) {
    const parts = [`d${i}`, ...Array.from({ length: random.below(3) }, (_, depth) => `e${depth}`), "file"];
    await directory.write(parts.join("/"), "x");
    for (let depth = 1; depth <= parts.length; depth++) {
      dress(directory.file(parts.slice(0, depth).join("/")), random, depth === parts.length);
    }
    paths.push(`/${parts.join("/")}`);
  }
  return paths;
}

function dress(path: string, random: Random, isFile: boolean): void {
  const generous = isFile ? [0o644, 0o640, 0o600, 0o444] : [0o755, 0o711, 0o750, 0o755, 0o755];
  const odd = [0o000, 0o007, 0o070, 0o604, 0o611, 0o050, 0o705];
  chownSync(path, random.pick([0, 64_001, 64_002]), random.pick([0, 64_011, 64_012]));
  chmodSync(path, random.below(4) === 0 ? random.pick(odd) : random.pick(generous));
  if (!hasAcls || random.below(3) > 0) return;
  const bits = random.pick(["rwx", "r-x", "r--", "--x", "---"]);
  const mask = random.pick(["rwx", "r--", "--x"]);
  spawnSync("setfacl", ["-m", `${random.pick(["u:64001", "u:64003", "g:64012", "g:64013"])}:${bits},m::${mask}`, path]);
}

describe.runIf(isRoot)("who can read a file", () => {
  it(`is what a process of that user finds, ACLs ${hasAcls ? "included" : "left out: setfacl is not here"}`, async () => {
    await using directory = await temporaryDirectory();
    const paths = await randomTree(directory, new Random(7), 120);
    const answers = new Set<string>();
    for (const user of users) {
      const files = await look(
        directory.path,
        paths.map((path) => use(path)),
        user.asUser,
      );
      const theirs = reallyDenied(
        user,
        paths.map((path) => directory.path + path),
      );
      const ours = files.map(({ readers: [access] }) => {
        if (!access!.denied.known) return access!.denied.reason;
        const denial = access!.denied.value;
        return denial === undefined ? "none" : `${directory.path}${denial.path} ${denial.lacks}`;
      });
      expect(ours).toEqual(theirs);
      expect(files[0]!.readers[0]!.user).toMatchObject({ known: true, value: { uid: user.uid, gid: user.gid } });
      for (const answer of theirs) answers.add(answer.replace(/.* /, ""));
    }
    expect([...answers].sort()).toEqual(["none", "read", "search"]);
  });

  it("tells component, owner, group, mode and what decides", async () => {
    await using directory = await temporaryDirectory();
    await directory.write("etc/keylime/certs/verifier.key", "x", 0o640);
    chmodSync(directory.file("etc"), 0o755);
    for (const name of ["etc/keylime", "etc/keylime/certs"]) chmodSync(directory.file(name), 0o750);
    await directory.write("etc/passwd", "root:x:0:0::/:/x\nspire:x:64001:64011::/:/x\n");
    await directory.write("etc/group", "root:x:0:\n");
    const [file] = await look(directory.path, [use("/etc/keylime/certs/verifier.key", "key")], "spire");
    expect(file!.readers).toEqual([
      {
        reader: "server-plugin",
        user: { known: true, value: { uid: 64_001, gid: 64_011, groups: [], name: "spire" }, source: "--as-user" },
        denied: {
          known: true,
          value: {
            path: "/etc/keylime",
            lacks: "search",
            owner: { id: 0, name: "root" },
            group: { id: 0, name: "root" },
            mode: 0o750,
            because: "others have ---",
          },
          source: "/etc/keylime",
        },
      },
    ]);
  });
});

describe("what a file is", () => {
  it("follows links within the copied machine, absolute ones too", async () => {
    await using directory = await temporaryDirectory();
    await directory.write("srv/real.crt", "x");
    await directory.write("etc/here", "x");
    symlinkSync("/srv/real.crt", directory.file("etc/absolute.crt"));
    symlinkSync("../srv/real.crt", directory.file("etc/relative.crt"));
    symlinkSync("/srv/gone.crt", directory.file("etc/dangling.crt"));
    symlinkSync("/etc/circle.crt", directory.file("etc/circle.crt"));
    const names = ["absolute", "relative", "dangling", "circle"].map((name) => use(`/etc/${name}.crt`));
    const files = await look(directory.path, [...names, use("/etc/here/x.crt"), use("/opt/none/x.crt"), use("/etc")]);
    const briefly = files.map(({ state }) => {
      if (!state.known) return state.reason;
      return state.value.is === "missing" ? `missing ${state.value.at}` : `${state.value.is} ${state.value.realPath}`;
    });
    expect(briefly).toEqual([
      "file /srv/real.crt",
      "file /srv/real.crt",
      "missing /srv/gone.crt",
      "missing /etc/circle.crt",
      "the copy does not hold its folder",
      "the copy does not hold its folder",
      "directory /etc",
    ]);
  });

  it("tells certificates in their order and keys without their bytes", async () => {
    await using directory = await temporaryDirectory();
    const root = await createRootCa({ commonName: "Root" });
    const leaf = await root.issue({ commonName: "leaf", keyType: "rsa2048" });
    const other = await root.issue({ commonName: "other" });
    const path = await directory.write(
      "all.pem",
      `${leaf.certPem}${root.certPem}${traditionalKeyPem(leaf.keyPem)}${encryptKeyPem(other.keyPem, "geheim")}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
    );
    const [file] = await look("/", [use(path)]);
    if (!file!.content.known) throw new Error(file!.content.reason);
    const { certificates, keys, flaws } = file!.content.value;
    expect(certificates.map(({ position, facts }) => [position, facts.subject])).toEqual([
      [1, "CN=leaf"],
      [2, "CN=Root"],
    ]);
    expect(keys).toEqual([
      {
        label: "RSA PRIVATE KEY",
        line: expect.any(Number),
        isEncrypted: false,
        publicKeySha256: certificates[0]!.publicKeySha256,
      },
      { label: "ENCRYPTED PRIVATE KEY", line: expect.any(Number), isEncrypted: true },
    ]);
    expect(flaws).toEqual([{ line: expect.any(Number), text: expect.stringContaining("cannot be read") }]);
    // An RSA key starts with its modulus, which is public; its last numbers are not.
    const secret = Buffer.from(leaf.keyPem.split("\n").slice(1, -2).join(""), "base64").subarray(-60);
    expect(JSON.stringify(file)).not.toContain(secret.toString("base64").slice(2, 20));
  });

  it("does not wait for a FIFO and refuses what is no file", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "fifo");
    spawnSync("mkfifo", [path]);
    const [file] = await look("/", [use(path)]);
    expect(file!.state).toMatchObject({ known: true, value: { is: "other" } });
    expect(file!.content).toEqual({ known: false, reason: "it is not a regular file", source: path });
  });
});
