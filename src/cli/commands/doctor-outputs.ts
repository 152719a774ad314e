import { writeFile } from "node:fs/promises";
import { errorText, Problem } from "../../core/problem.js";
import { bundleEntries } from "../../doctor/bundle/bundle-entries.js";
import { gatherConfiguration } from "../../doctor/bundle/gather-configuration.js";
import type { Diagnosis } from "../../doctor/diagnose.js";
import { Machine } from "../../doctor/facts/machine.js";
import type { DoctorReport } from "../../doctor/report-schema.js";
import type { Io } from "../io.js";
import { doctorHtml } from "../render/doctor/doctor-html.js";
import { doctorJunit } from "../render/doctor/doctor-junit.js";
import { doctorSarif } from "../render/doctor/doctor-sarif.js";
import { bundleListing, packBundle } from "./doctor-bundle.js";
import type { DoctorOutputs } from "./doctor-outputs-options.js";

export interface Examination {
  report: DoctorReport;
  diagnosis: Diagnosis;
  failOn: "error" | "warning" | "info";
}

/** Writes what was asked for; what is written is told on stderr. */
export async function writeOutputs(outputs: DoctorOutputs, examination: Examination, io: Io): Promise<void> {
  const { report, diagnosis, failOn } = examination;
  const { facts } = diagnosis;
  await write(outputs.html, () => doctorHtml(report, facts), io);
  await write(outputs.junit, () => doctorJunit(report, failOn), io);
  await write(outputs.sarif, () => doctorSarif(report), io);
  if (outputs.bundle !== undefined) await writeBundle(outputs.bundle, examination, io);
}

async function writeBundle(file: string, { report, diagnosis }: Examination, io: Io): Promise<void> {
  const { facts, options } = diagnosis;
  const configuration = await gatherConfiguration(new Machine(options.root), facts, options);
  const entries = [
    { name: "report.json", text: `${JSON.stringify(report, undefined, 2)}\n` },
    { name: "report.html", text: doctorHtml(report, facts) },
    ...bundleEntries(facts, configuration),
  ];
  const archive = await packBundle(entries, options.nowMs);
  await write(file, () => archive, io);
  io.err(`${bundleListing(entries)}keys and passwords are left out; names, addresses and certificates are in it\n`);
}

async function write(file: string | undefined, text: () => string | Buffer, io: Io): Promise<void> {
  if (file === undefined) return;
  const content = text();
  try {
    await writeFile(file, content, typeof content === "string" ? {} : { mode: 0o600 });
  } catch (error) {
    const hint = "name a file in a directory that you may write to";
    throw new Problem("output", `cannot write ${JSON.stringify(file)}: ${errorText(error)}`, {
      culprit: "usage",
      cause: error,
      hint,
    });
  }
  io.err(`written: ${file}\n`);
}
