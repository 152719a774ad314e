import { chmod, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { doctorReport } from "../../src/doctor/report-schema.js";
import { type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { writeTree } from "../scenarios/support/machine-tree.js";
import { fieldReport } from "../scenarios/support/set-ups.js";
import { builtExecutable } from "../support/built-executable.js";
import { runCommand } from "../support/run-command.js";

const serverConf = "etc/spire/server.conf";

let pki: FieldReportPki;
let tree: Awaited<ReturnType<typeof writeTree>>;
beforeAll(async () => {
  pki = await fieldReportPki();
});
beforeEach(async () => {
  tree = await writeTree(fieldReport(pki));
  return () => tree[Symbol.asyncDispose]();
});

const fix = (...args: string[]) =>
  runCommand(process.execPath, [builtExecutable(), "doctor", "--root", tree.root, "--offline", "--fix", ...args]);
const textOf = (file: string) => readFile(join(tree.root, file), "utf8");
const backupsOf = async (folder: string) =>
  (await readdir(join(tree.root, folder))).filter((name) => name.includes(".bak-") || name.includes(".new-"));

describe("doctor --fix", () => {
  it("shows the change as a diff, makes it, keeps a backup and finds the fault gone", async () => {
    const before = await textOf(serverConf);
    await chmod(join(tree.root, serverConf), 0o640);
    const { stdout } = await fix("--yes", "--only", "plugin-unknown-key");
    expect(stdout).toContain('-      keylime_tls_client_cert_file = "/etc/keylime/certs/verifier.crt"');
    expect(stdout).toContain('+      keylime_tls_cert_file = "/etc/keylime/certs/verifier.crt"');
    expect(stdout).toContain("systemctl restart spire-server");
    expect(stdout).toContain("√ every key in plugin_data is known to the plugin");
    const wanted = before.replaceAll("keylime_tls_client_cert_file", "keylime_tls_cert_file");
    expect(await textOf(serverConf)).toBe(wanted.replaceAll("keylime_tls_client_key_file", "keylime_tls_key_file"));
    const [backup, ...more] = await backupsOf("etc/spire");
    expect(more).toEqual([]);
    expect(await textOf(join("etc/spire", backup!))).toBe(before);
    const modes = [serverConf, join("etc/spire", backup!)].map(
      async (file) => (await stat(join(tree.root, file))).mode,
    );
    expect((await Promise.all(modes)).map((mode) => mode & 0o777)).toEqual([0o640, 0o640]);
  });

  it("has nothing left to change the second time", async () => {
    await fix("--yes", "--only", "plugin-unknown-key");
    const mended = await textOf(serverConf);
    const { stderr, code } = await fix("--yes", "--only", "plugin-unknown-key");
    expect({ stderr, code }).toEqual({ stderr: "nothing was found that an edit of these files mends\n", code: 0 });
    expect(await textOf(serverConf)).toBe(mended);
    expect(await backupsOf("etc/spire")).toHaveLength(1);
  });

  it("changes nothing without a terminal to ask at, and says what to add", async () => {
    const before = await textOf(serverConf);
    const { code, stdout, stderr } = await fix();
    expect(code).toBe(2);
    expect(stdout).toContain("+      keylime_tls_cert_file");
    expect(stderr).toBe(
      "error: nothing was changed: --fix asks at a terminal, and there is none [usage]\n" +
        "hint: add --yes to change it without being asked\n",
    );
    expect(await textOf(serverConf)).toBe(before);
    expect(await backupsOf("etc/spire")).toEqual([]);
  });

  it("asks at a terminal, and takes everything but yes for no", async () => {
    const before = await textOf(serverConf);
    const command = [process.execPath, builtExecutable(), "doctor", "--root", tree.root, "--offline", "--fix"].join(
      " ",
    );
    const answered = (answer: string) => runCommand("script", ["-qec", command, "/dev/null"], { input: `${answer}\n` });
    const refused = await answered("n");
    expect(refused.stdout).toContain("make these changes? [y/N]");
    expect(refused.stdout).toContain("nothing was changed");
    expect(await textOf(serverConf)).toBe(before);
    await answered("y");
    expect(await textOf(serverConf)).not.toBe(before);
  });

  it("takes the rights of others away from a private key", async () => {
    const key = join(tree.root, "var/lib/keylime/cv_ca/server-private.pem");
    // What strangers cannot enter keeps an open file to itself.
    await chmod(tree.root, 0o755);
    await chmod(key, 0o644);
    const { stdout } = await fix("--yes", "--only", "key-too-open");
    expect(stdout).toContain("/var/lib/keylime/cv_ca/server-private.pem: mode 0644 -> 0640 (key-too-open)");
    expect((await stat(key)).mode & 0o777).toBe(0o640);
  });

  it("prints one JSON document, and the changes beside it", async () => {
    const { stdout, stderr } = await fix("--yes", "--json", "--only", "plugin-unknown-key");
    expect(doctorReport.parse(JSON.parse(stdout)).causes).toEqual([]);
    expect(stderr).toContain("+      keylime_tls_cert_file");
  });
});
