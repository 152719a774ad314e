import { Problem } from "../../core/problem.js";
import { Machine } from "../../doctor/facts/machine.js";
import { type Applied, applyFix } from "../../doctor/fix/apply-fix.js";
import { planFix } from "../../doctor/fix/plan-fix.js";
import { exitCodes, type Io } from "../io.js";
import { appliedText, fixPlanText } from "../render/doctor/fix-text.js";
import { styleFor } from "../render/style.js";
import type { Examination } from "./doctor-outputs.js";

export interface FixOptions {
  root?: string;
  json?: boolean;
  yes?: boolean;
}

export interface Examiner {
  examine(): Promise<Examination>;
  /** Prints a report, and writes the files that were asked for. */
  present(examination: Examination): Promise<void>;
}

/**
 * Shows the changes, makes them when they are agreed to, and examines again.
 * @returns the exit code of the second examination; 3 when a change could not be made
 */
export async function runDoctorFix(options: FixOptions, examiner: Examiner, io: Io): Promise<number> {
  const before = await examiner.examine();
  const plan = await planFix(before.diagnosis.ranked, new Machine(options.root));
  if (plan.texts.length + plan.rights.length === 0) {
    for (const { file, reason } of plan.impossible) io.err(`${file} cannot be edited: ${reason}\n`);
    io.err("nothing was found that an edit of these files mends\n");
    await examiner.present(before);
    return before.report.exit_code;
  }
  // With --json standard output carries the one document.
  const tell = options.json ? io.err : io.out;
  const style = styleFor(io);
  tell(`${fixPlanText(plan, style)}\n`);
  if (!(await isAgreed(options, io))) {
    io.err("nothing was changed\n");
    return before.report.exit_code;
  }
  const applied = await applyFix(plan, Date.now());
  tell(`${appliedText(applied, plan, style)}\n`);
  const after = await examiner.examine();
  await examiner.present(after);
  return applied.some(hasFailed) ? exitCodes.couldNotCheck : after.report.exit_code;
}

const hasFailed = (each: Applied): boolean => "failed" in each;

async function isAgreed({ yes }: FixOptions, io: Io): Promise<boolean> {
  if (yes) return true;
  if (io.ask !== undefined) return await io.ask("make these changes?");
  throw new Problem("usage", "nothing was changed: --fix asks at a terminal, and there is none", {
    culprit: "usage",
    hint: "add --yes to change it without being asked",
  });
}
