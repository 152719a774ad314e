import { execFileSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DoctorReport, doctorReport } from "../../src/doctor/report-schema.js";
import { fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { writeTree } from "../scenarios/support/machine-tree.js";
import { fieldReport, healthy } from "../scenarios/support/set-ups.js";
import { builtExecutable } from "../support/built-executable.js";
import { runCommand } from "../support/run-command.js";
import { temporaryDirectory } from "../support/temporary-directory.js";

type Tree = Awaited<ReturnType<typeof writeTree>>;

let reported: Tree;
let mended: Tree;
beforeAll(async () => {
  const pki = await fieldReportPki();
  reported = await writeTree(fieldReport(pki));
  mended = await writeTree(healthy(pki));
});
afterAll(async () => {
  await reported?.[Symbol.asyncDispose]();
  await mended?.[Symbol.asyncDispose]();
});

const doctor = (...args: string[]) => runCommand(process.execPath, [builtExecutable(), "doctor", ...args]);

async function report(...args: string[]): Promise<{ code: number | null; report: DoctorReport }> {
  const { code, stdout, stderr } = await doctor("--json", ...args);
  expect(stderr).toBe("");
  return { code, report: doctorReport.parse(JSON.parse(stdout)) };
}

describe("doctor", () => {
  it("names the cause of the field report and ends with what to do", async () => {
    const { code, stdout, stderr } = await doctor("--root", reported.root, "--offline");
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout).toContain("1. plugin-unknown-key");
    expect(stdout).toMatch(
      /next: in \/etc\/spire\/server\.conf rename keylime_tls_client_cert_file[\s\S]*SPIRE server\n$/,
    );
    expect(stdout).not.toContain("\u001b");
  });

  it("prints one JSON document that its schema describes", async () => {
    const { code, report: told } = await report("--root", reported.root, "--offline");
    expect(code).toBe(told.exit_code);
    expect(told.causes[0]).toMatchObject({
      id: "plugin-unknown-key",
      evidence: [
        { file: "/etc/spire/server.conf", line: 13, column: 7 },
        { file: "/etc/spire/server.conf", line: 14, column: 7 },
        {},
        {},
        {},
      ],
    });
  });

  it("finds no cause in a healthy set-up", async () => {
    const { code, report: told } = await report("--root", mended.root, "--offline");
    expect({ code, causes: told.causes, verdict: told.verdict.cause }).toEqual({ code: 0, causes: [], verdict: null });
  });

  it("lets --fail-on decide which findings fail", async () => {
    const only = ["--root", reported.root, "--offline", "--only", "spire-conf-syntax"];
    expect((await doctor(...only, "--fail-on", "info")).code).toBe(0);
  });

  it("runs the checks that are asked for", async () => {
    const { report: told } = await report("--root", reported.root, "--offline", "--skip", "plugin-unknown-key");
    expect(told.checks.map(({ id }) => id)).not.toContain("plugin-unknown-key");
    const { report: one } = await report("--root", reported.root, "--offline", "--only", "spire-conf-syntax");
    expect(one.checks.map(({ id, outcome }) => [id, outcome])).toEqual([["spire-conf-syntax", "clear"]]);
  });

  it("ends with 3 and a next step where there is nothing to examine", async () => {
    await using empty = await temporaryDirectory();
    const { code, report: told } = await report("--root", empty.path, "--offline");
    expect(code).toBe(3);
    expect(told.verdict).toEqual({
      outcome: "not-examined",
      cause: null,
      text: "nothing could be examined",
      next_step: "name the configuration with --server-config and --agent-config, or a copied machine with --root",
    });
  });

  it("refuses a named file that is not there: no all-clear about what was found instead", async () => {
    const missing = join(mended.root, "no/such/server.conf");
    expect(await doctor("--server-config", "/no/such/server.conf", "--offline", "--root", mended.root)).toMatchObject({
      code: 2,
      stdout: "",
      stderr: `error: cannot read ${JSON.stringify(missing)} (--server-config): no such file [usage]\nhint: correct the path, or leave the option out to have the file looked for\n`,
    });
  });

  it("refuses a user that nobody knows: every right would be left unjudged", async () => {
    expect(await doctor("--as-user", "nobody-knows", "--offline", "--root", mended.root)).toMatchObject({
      code: 2,
      stdout: "",
      stderr: `error: cannot judge for "nobody-knows" (--as-user): /etc/passwd does not name the user nobody-knows [usage]\nhint: correct the name, or give its number, which \`id -u NAME\` tells where it is known\n`,
    });
  });

  it.each([["--list-checks"], ["--explain", "ca-wrong"]])(
    "refuses %j with --json, which it could not honour",
    async (...args) => {
      expect(await doctor(...args, "--json")).toMatchObject({ code: 2, stdout: "" });
    },
  );

  it("waits for nobody at a FIFO in the place of a file", async () => {
    await using directory = await temporaryDirectory();
    await mkdir(join(directory.path, "etc/spire"), { recursive: true });
    const fifo = join(directory.path, "etc/spire/server.conf");
    execFileSync("mkfifo", [fifo]);
    const { report: told } = await report("--root", directory.path, "--server-config", fifo, "--offline");
    expect(told.sources[0]?.problem).toBe("it is not a regular file");
  });

  it.each([
    [["--only", "plugin-unknown-keys"], "did you mean plugin-unknown-key?"],
    [["--root", "/no/such/directory"], "is no directory"],
    [["--fail-on", "fatal"], "Allowed choices are error, warning, info"],
    [["--timeout", "soon"], "expected a duration"],
    [["--explain", "nothing"], "is no check"],
    [["--frobnicate"], "unknown option"],
  ])("refuses %j with the exit code of wrong usage", async (args, words) => {
    const { code, stdout, stderr } = await doctor(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(words);
  });

  it("lists every check and explains each fault", async () => {
    const list = await doctor("--list-checks");
    expect(list.code).toBe(0);
    expect(list.stdout).toMatch(/plugin-unknown-key +every key in plugin_data is known to the plugin/);
    const explained = await doctor("--explain", "verifier-trust-empty");
    expect(explained.code).toBe(0);
    expect(explained.stdout).toContain("the verifier has no trust anchor for client certificates");
    expect(explained.stdout).toContain("See it by hand");
  });
});
