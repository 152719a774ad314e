import { errorText, Problem } from "../../core/problem.js";
import { embeddedVerifiers, realVerifiers } from "../../doctor/matrix/matrix-verifier.js";
import { runMatrix } from "../../doctor/matrix/run-matrix.js";
import { fieldReportPki } from "../../peers/pki/field-report-pki.js";
import { findProgram } from "../../peers/real/programs.js";
import { exitCodes, type Io } from "../io.js";
import { matrixText } from "../render/doctor/matrix-text.js";
import { styleFor } from "../render/style.js";

export interface MatrixCommandOptions {
  /** `auto`: the real one when it is on PATH. */
  matrix: "auto" | "embedded" | "real";
  timeout: number;
  json?: boolean;
}

/** @returns the exit code */
export async function runDoctorMatrix({ matrix, timeout, json }: MatrixCommandOptions, io: Io): Promise<number> {
  const program = matrix === "embedded" ? undefined : findProgram("keylime_verifier", io.env.PATH ?? "");
  if (matrix === "real" && program === undefined) {
    const hint = "install Keylime, or leave out --matrix's value to use the embedded verifier";
    throw new Problem("peer-missing", "keylime_verifier is not on PATH", { culprit: "usage", hint });
  }
  const pki = await fieldReportPki();
  try {
    const report = await runMatrix({
      pki,
      program,
      verifier: program === undefined ? "embedded" : "real",
      start: program === undefined ? embeddedVerifiers(pki) : realVerifiers(pki, program, io.interrupted),
      timeoutMs: Math.max(timeout, 5000),
      signal: io.interrupted,
      onRow: ({ value, meaning }, number, of) =>
        io.err(`${number}/${of} trusted_client_ca = ${value ?? "(commented out)"}, ${meaning}\n`),
    });
    io.out(json ? `${JSON.stringify(report, undefined, 2)}\n` : matrixText(report, styleFor(io)));
    return exitCodes.ok;
  } catch (error) {
    if (!io.interrupted.aborted) throw error;
    io.err(`interrupted: ${errorText(error)}\n`);
    return exitCodes.couldNotCheck;
  }
}
