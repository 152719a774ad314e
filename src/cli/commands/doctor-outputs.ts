import { writeFile } from "node:fs/promises";
import { errorText, Problem } from "../../core/problem.js";
import type { Facts } from "../../doctor/facts/facts.js";
import type { DoctorReport } from "../../doctor/report-schema.js";
import type { Io } from "../io.js";
import { doctorHtml } from "../render/doctor/doctor-html.js";
import { doctorJunit } from "../render/doctor/doctor-junit.js";
import { doctorSarif } from "../render/doctor/doctor-sarif.js";
import type { DoctorOutputs } from "./doctor-outputs-options.js";

export interface Examination {
  report: DoctorReport;
  facts: Facts;
  failOn: "error" | "warning" | "info";
}

/** Writes what was asked for; what is written is told on stderr. */
export async function writeOutputs(outputs: DoctorOutputs, examination: Examination, io: Io): Promise<void> {
  const { report, facts, failOn } = examination;
  await write(outputs.html, () => doctorHtml(report, facts), io);
  await write(outputs.junit, () => doctorJunit(report, failOn), io);
  await write(outputs.sarif, () => doctorSarif(report), io);
}

async function write(file: string | undefined, text: () => string, io: Io): Promise<void> {
  if (file === undefined) return;
  const content = text();
  try {
    await writeFile(file, content);
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
