import type { DoctorOptions } from "../../../src/doctor/options.js";
import type { Verdict } from "../../../src/doctor/reasoning/judgement.js";
import type { FaultId } from "../../../src/faults/faults.js";
import type { FieldReportPki } from "../../../src/peers/pki/field-report-pki.js";
import type { Tree } from "./machine-tree.js";

/** One set-up as data, and the whole answer that the doctor must give on it; judged offline. */
export interface Scenario extends Answer {
  /** The files of the machine; later trees win over earlier ones. */
  tree(pki: FieldReportPki): readonly Tree[] | Promise<readonly Tree[]>;
}

/** The same with services that answer; judged live. */
export interface LiveScenario<World extends AsyncDisposable = AsyncDisposable> extends Answer {
  start(pki: FieldReportPki): Promise<World>;
  tree(pki: FieldReportPki, world: World): readonly Tree[] | Promise<readonly Tree[]>;
}

interface Answer {
  /** What is planted, as a claim: `a key that the Go plugin does not know`. */
  name: string;
  options?: Partial<DoctorOptions>;
  /** Ids of all causes, in their order. */
  causes: readonly FaultId[];
  /** Ids of all other findings, in their order. */
  findings?: readonly FaultId[];
  /** What must stand in the first finding: each in its summary, its evidence or its fix. */
  says?: readonly string[];
  /** Every leg that the first finding concerns. */
  legs?: readonly string[];
  /** Verdicts of hypotheses and questions by their ids. */
  verdicts?: Readonly<Record<string, Verdict>>;
  /** Every contradiction between the verifier's files and what it does, as `id: what it proves`. */
  contradictions?: readonly string[];
  /** What must stand in the evidence of a hypothesis or question, places as `file:line`. */
  reasons?: Readonly<Record<string, readonly string[]>>;
}
