import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { doctorJunit } from "../../src/cli/render/doctor/doctor-junit.js";
import { doctorSarif } from "../../src/cli/render/doctor/doctor-sarif.js";
import type { DoctorReport } from "../../src/doctor/report-schema.js";
import { runChecked } from "../support/run-command.js";
import { sampleReport } from "../support/sample-report.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";

const folder = new URL("./report-go", import.meta.url).pathname;

describe("the doctor's SARIF and JUnit, read by the schema of OASIS and by a parser for test results", () => {
  let directory: TemporaryDirectory;
  beforeAll(async () => {
    directory = await temporaryDirectory();
    await runChecked("go", ["build", "-o", directory.file("report-go"), "."], { cwd: folder, timeoutMs: 120_000 });
  });
  afterAll(() => directory?.[Symbol.asyncDispose]());

  it("say what was found, hostile names and all", async () => {
    expect(await understood(sampleReport())).toEqual({
      rules: 5,
      results: ["ca-wrong error", "cert-expires-soon warning"],
      totals: { tests: 5, failed: 1, skipped: 2, passed: 2 },
      failed: ["ca-wrong: every CA file is the right one"],
    });
  });

  it("are complete documents when nothing was found, and when nothing was checked", async () => {
    const healthy = { ...sampleReport(), causes: [], findings: [], exit_code: 0 };
    const clear = healthy.checks.map((check) => ({ ...check, outcome: "clear" as const, detail: "seen" }));
    const nothing = { rules: 5, results: [], failed: [] };
    expect(await understood({ ...healthy, checks: clear })).toEqual({
      ...nothing,
      totals: { tests: 5, failed: 0, skipped: 0, passed: 5 },
    });
    expect(await understood({ ...healthy, checks: [], exit_code: 3 })).toEqual({ ...nothing, rules: 0, totals: {} });
  });

  it("are refused by that schema when a word is not its own, so that the two tests above can fail", async () => {
    const text = doctorSarif(sampleReport()).replace('"ruleIndex"', '"ruleNumber"');
    await expect(read(text, doctorJunit(sampleReport(), "error"))).rejects.toThrow(/ruleNumber is not allowed/);
  });

  async function understood(report: DoctorReport): Promise<unknown> {
    return await read(doctorSarif(report), doctorJunit(report, "error"));
  }

  async function read(sarif: string, junit: string): Promise<unknown> {
    const files = [await directory.write("report.sarif", sarif), await directory.write("report.xml", junit)];
    return JSON.parse(await runChecked(directory.file("report-go"), files, { cwd: folder }));
  }
});
