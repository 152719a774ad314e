import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DoctorReport } from "../../src/doctor/report-schema.js";
import { labRootVariable } from "../../src/lab/imitated-go-plugin.js";
import { type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { mendedData, reportedData, spireConf } from "../scenarios/support/set-ups.js";
import { builtExecutable } from "../support/built-executable.js";
import { runCommand } from "../support/run-command.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";

let pki: FieldReportPki;
let machine: TemporaryDirectory;
beforeAll(async () => {
  pki = await fieldReportPki();
  machine = await temporaryDirectory("rehearse");
  await machine.write("etc/verifier.crt", pki.verifier.chainPem);
  await machine.write("etc/verifier.key", pki.verifier.keyPem);
  for (const [name, text] of Object.entries(pki.cvCa.files)) await machine.write(`var/lib/keylime/cv_ca/${name}`, text);
});
afterAll(() => machine[Symbol.asyncDispose]());

/** A server.conf of this very machine, whose plugin is what a script starts; it behaves as the Go plugin was measured to. */
async function examine(data: readonly string[], script: string): Promise<DoctorReport> {
  const command = await machine.write("plugin", `#!/bin/sh\n${script}\n`, 0o755);
  const here = data.map((line) => line.replace("/etc/keylime/certs", machine.file("etc")));
  const conf = await machine.write("server.conf", spireConf("server", { command, checksum: "", data: here }));
  const { stdout } = await runCommand(
    process.execPath,
    [builtExecutable(), "doctor", "--server-config", conf, "--offline", "--rehearse", "--json"],
    { env: { ...process.env, [labRootVariable]: machine.path } },
  );
  return JSON.parse(stdout) as DoctorReport;
}

const goPlugin = () => `exec "${process.execPath}" "${builtExecutable()}" lab imitate-go-plugin`;
const toldBy = ({ questions, sources }: DoctorReport) => ({
  presents: questions
    .find(({ id }) => id === "plugin-takes-client-certificate")!
    .evidence.map(({ text }) => text)
    .filter((text) => text.includes("started here")),
  problem: sources.find(({ what }) => what === "the server plugin, started")?.problem,
});

describe("doctor --rehearse", () => {
  it("sees the certificate that the plugin's keys name", async () => {
    const { presents, problem } = toldBy(await examine(mendedData, goPlugin()));
    expect({ presents, problem }).toEqual({
      presents: [
        expect.stringMatching(
          /plugin, started here, presents CN=verifier\.keylime\.funlab\.casa, issued by CN=Book of Omens/,
        ),
      ],
      problem: null,
    });
  });

  it("sees the default that keys of other names leave in force", async () => {
    const { presents } = toldBy(await examine(reportedData, goPlugin()));
    expect(presents).toEqual([
      expect.stringMatching(/presents OU=53.*CN=server.*issued by .*CN=Keylime Certificate Authority/),
    ]);
  });

  it.each([
    ["ends at once", "exit 3", /does not load/],
    ["is no plugin", "echo hello; sleep 30", /does not load/],
  ])("says why when the executable %s", async (_, script, reason) => {
    const { presents, problem } = toldBy(await examine(mendedData, script));
    expect({ presents, problem }).toEqual({ presents: [], problem: expect.stringMatching(reason) });
  });
});
